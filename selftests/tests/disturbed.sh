#!/bin/sh
# disturbed: the stream while processors, clocks, suspend and other people's tools disturb the host
# TIMEOUT: 150
exec python3 "${0%.sh}.py"
