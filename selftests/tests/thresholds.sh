#!/bin/sh
# thresholds: rounds end by octets, by time and by pauses too, exactly where they have to
# TIMEOUT: 120
exec python3 "${0%.sh}.py"
