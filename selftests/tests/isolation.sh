#!/bin/sh
# isolation: who tries to use, see, receive or disturb what is another app's (RACES=operations)
# TIMEOUT: 2400
# The limit above is for the large count, which would take the debug kernel a day.
case ${LONG:-}${KERNEL:-} in
1debug)	: "${RACES:=3000}" ;;
1*)	: "${RACES:=100000}" ;;
*)	: "${RACES:=300}" ;;
esac
export RACES
exec timeout $((${SLOWER:-1} * (LONG ? 2400 : 300))) python3 "${0%.sh}.py"
