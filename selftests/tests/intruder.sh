#!/bin/sh
# intruder: ways around the module that one finds who reads it
# TIMEOUT: 120
exec python3 "${0%.sh}.py"
