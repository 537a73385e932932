#!/bin/sh
# guest.sh PART...: inside the machine: what guest.py needs.
here=$(dirname "$0")
modprobe -a dummy tun || exit
exec "$here/guest.py" "$@"
