#!/bin/sh
# tfc: what is sent has one size on the wire, whatever is in it, and xfrm understands it; and back
exec python3 "${0%.sh}.py"
