#!/bin/sh
# xfrm-in: plain ip xfrm moves its SA 300 times while it sends to the module, nothing lost
# TIMEOUT: 300
exec python3 "${0%.sh}.py"
