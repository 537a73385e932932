#!/bin/sh
# xfrm-out: four sockets, one group, 310 rounds of 200 packets to plain ip xfrm, nothing lost
# TIMEOUT: 300
exec python3 "${0%.sh}.py"
