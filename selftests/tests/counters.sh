#!/bin/sh
# counters: each is documented; sipsecctl stats and the tracepoints say why a packet was dropped
exec python3 "${0%.sh}.py"
