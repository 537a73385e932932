#!/bin/sh
# strangers: SAs that somebody else on the host puts on a group's SPIs, or takes from it
# TIMEOUT: 120
exec python3 "${0%.sh}.py"
