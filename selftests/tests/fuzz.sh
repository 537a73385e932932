#!/bin/sh
# fuzz: malformed, random and half-right requests of several users (FUZZ=20000, FUZZ_SEED)
# TIMEOUT: 2400
case ${LONG:-}${KERNEL:-} in
1um)	: "${FUZZ:=1000000}" ;;
*debug)	: "${FUZZ:=5000}" ;;
*)	: "${FUZZ:=20000}" ;;
esac
export FUZZ
# The limit above is for the largest count, the usual ones are to be done far sooner.
exec timeout $((${SLOWER:-1} * (200 + FUZZ / 500))) python3 "${0%.sh}.py"
