#!/bin/sh
# pmtu: ICMP news of the path of our ESP is learned, that of others is not
exec python3 "${0%.sh}.py"
