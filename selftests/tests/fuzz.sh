#!/bin/sh
# fuzz: 20,000 malformed, random and half-right requests; FUZZ_COUNT and FUZZ_SEED for others
# TIMEOUT: 240
exec python3 "${0%.sh}.py"
