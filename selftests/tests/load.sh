#!/bin/sh
# load: a second module of the same netlink family is refused, and the first is none the worse
. "$SIPSEC_TOP/selftests/lib.sh"
need python3 strip

# Ours under another name, which it has in its own struct; so has what must be unique besides.
strip -g -o /tmp/sipsex.ko "$SIPSEC_KO"
at_exit "rm -f /tmp/sipsex.ko"
python3 - /tmp/sipsex.ko <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    module = f.read()
    for old in b"sipsec" + bytes(50), b"\0name=sipsec\0", b"\0sipsec_bundle\0":
        if old not in module:
            sys.exit("%r is not there" % old)
        module = module.replace(old, old.replace(b"sipsec", b"sipsex"))
    f.seek(0)
    f.write(module)
END

ns_add a
in_ns a sipsecctl app add phone uid 0
refused insmod /tmp/sipsex.ko
# Newer kernels make EBUSY of it: to them, EEXIST says that the same module is loaded already.
echo "$out" | grep -qE "File exists|Device or resource busy" || fail "refused with: $out"
[ ! -e /sys/module/sipsex ] || fail "it is there all the same"
in_ns a sipsecctl show apps | grep -qx "app: phone" || fail "the first module has lost its apps"
in_ns a sipsecctl app del phone
