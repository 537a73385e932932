#!/bin/sh
# catchup: a peer that ran ahead is followed, forged SPIs move nothing, and what comes early is held
# TIMEOUT: 120
exec python3 "${0%.sh}.py"
