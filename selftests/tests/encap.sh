#!/bin/sh
# encap: ESP in UDP with plain ip xfrm, with another module, through NAT; nothing else on the wire
# TIMEOUT: 300
exec python3 "${0%.sh}.py"
