#!/bin/sh
# drops: every reason for which a packet is dropped or an event lost, and no other counter counts
# TIMEOUT: 180
exec python3 "${0%.sh}.py"
