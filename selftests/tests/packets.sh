#!/bin/sh
# packets: forged, spoilt, replayed and quoted packets at a live group; each is in a counter
# TIMEOUT: 180
# Without it nobody counts what comes as AH.
modprobe -q ah4 || :
exec python3 "${0%.sh}.py"
