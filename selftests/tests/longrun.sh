#!/bin/sh
# longrun: 100,000 packets each way (LONG: 2,000,000), of which the wire loses and doubles some
# TIMEOUT: 2400
# KERNELS: 6.1 um
# The limit above is for the large count, the usual one is to be done far sooner.
exec timeout $((${SLOWER:-1} * (LONG ? 2400 : 300))) python3 "${0%.sh}.py"
