#!/bin/sh
# suites: each suite, with and without ESN, against plain ip xfrm and itself; windows; tshark
# TIMEOUT: 400
exec python3 "${0%.sh}.py"
