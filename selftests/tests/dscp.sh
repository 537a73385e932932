#!/bin/sh
# dscp: DSCP and ECN outside and inside, in each mode, as they leave and as they arrive
exec python3 "${0%.sh}.py"
