#!/bin/sh
# For plants.sh, inside the VM: a selftest in which nothing fails but the bug happens that it is
# named after, in a network namespace that ends then.
bug=$(basename "$0" .sh)
plant=/sys/module/sipsec/parameters/plant
case $bug in
before|after) exit ;;
dev)	echo 1 >/proc/sys/net/core/netdev_unregister_timeout_secs ;;
esac
unshare --net sh -c "echo $bug >$plant" || exit

complained() {
	dmesg | sed "1,/sipsec-selftest: $bug$/d" | grep -qE -f "$SIPSEC_TOP/selftests/vm/splats"
}
# The kernel ends a namespace in its own time.
case $bug in
net|dev)
	tries=300
	until complained || [ $tries = 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done ;;
esac
# Gives the reference back.
[ "$bug" != dev ] || echo dev >$plant
