#!/bin/sh
# modes: each suite in each mode over IPv4 and IPv6, against plain ip xfrm
# TIMEOUT: 180
exec python3 "${0%.sh}.py"
