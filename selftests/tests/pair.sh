#!/bin/sh
# pair: module to module, in two network namespaces and within one, 310 rounds each way; long rounds
# TIMEOUT: 600
exec python3 "${0%.sh}.py"
