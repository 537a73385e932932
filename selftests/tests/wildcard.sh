#!/bin/sh
# wildcard: flows of any port and of whole protocols: granted, most specific first, nobody else's
# TIMEOUT: 240
. "$SIPSEC_TOP/selftests/lib.sh"
exec "${0%.sh}.py"
