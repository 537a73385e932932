#!/bin/sh
# inflight: what was decrypted before a group's end reaches nobody after it, not even by ICMP
# TIMEOUT: 60
exec python3 "${0%.sh}.py"
