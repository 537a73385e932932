#!/bin/sh
# isolation: who tries to use, see, receive or disturb what is another app's (RACES=operations)
# TIMEOUT: 300
exec python3 "${0%.sh}.py"
