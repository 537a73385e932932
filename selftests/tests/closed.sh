#!/bin/sh
# closed: a sender that never stops sends no clear packet, however its group ends
# TIMEOUT: 300
exec python3 "${0%.sh}.py"
