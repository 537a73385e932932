#!/bin/sh
# isolation.sh FOLDER [NAME...]: does an attack fail because of the check that is meant to stop it?
# Each of the mutants below leaves one check out; then the test that attacks it has to fail: with
# the check gone the same attack succeeds. They run in User Mode Linux, but for what that lacks.
# Leaves in FOLDER what each test said, and table, a line "pass|fail SECONDS COUNT NAME REASON".
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
check=mutants-isolation
. selftests/mutants/common.sh

# guard TEST [CASE...]: what has to fail for the mutants that follow. Without a mutant it passes.
guard() {
	test=$1
	shift
	cases=$*
	sound=false
}
# tests NAME: 0 if nothing fails.
tests() {
	result=$folder/$1
	rm -rf "$result"
	mkdir "$result"
	if KERNEL=$on RESULTS=$result VM=qemu VM_TIMEOUT=400 "$tree/selftests/vm/vm.sh" "
		mkdir -p /run/netns
		export RESULT='$result' CASES='$cases' WATCHED=1
		unshare --mount --pid --fork --kill-child --mount-proc sh -c '
			mount -t tmpfs netns /run/netns &&
			exec timeout -k 5 150 selftests/tests/$test.sh'" >"$result/log" 2>&1
	then
		return 0
	fi
	grep -m 1 -E 'FAILED|BUG:|WARNING:|Error' "$result/log" >"$folder/$1.why" ||
		tail -n 1 "$result/log" >"$folder/$1.why"
	return 1
}
# off NAME FILE OLD NEW
off() {
	chosen "$1" || return 0
	if ! $sound && [ -z "${APPLY:-}" ]; then
		sound=true
		if ! build $on || ! tests none; then
			tail -n 5 "$folder/build.log" "$folder/none/log"
			wrong "$1" "$test $cases fails without a mutant"
			return 0
		fi
	fi
	mutant "$@"
}

# Sending

guard foreign sending
off out-owner out.c '!sipsec_flow_allows(flow, skb_to_full_sk(skb))' '0'
off out-same-user flow.c 'return sk && sk == flow->sk && uid_eq' 'return sk && uid_eq'
off out-raw-fragment out.c 'return drop(skb, group->app, SIPSEC_A_STATS_OUT_DROP_SOCKET)' \
	'return NF_ACCEPT'
guard foreign exclusive
off out-exclusive out.c 'app ? drop(skb, app, SIPSEC_A_STATS_OUT_DROP_FLOW)' 'app ? NF_ACCEPT'
off in-exclusive in.c 'app = sipsec_flow_find_exclusive(sn, skb->sk);' 'app = NULL;'
guard drops mtu policy icmp rewritten forward
off out-closed out.c 'return sipsec_flow_gone(flow) ? unclaimed' 'return 1 ? unclaimed'
off out-policy out.c 'unlikely(dst_xfrm(skb_dst(skb)))' '0'
off out-icmp out.c 'flow ? drop(skb, flow->app, SIPSEC_A_STATS_OUT_DROP_ICMP)' 'flow ? NF_ACCEPT'
off out-rewritten out.c '		kfree_skb(skb);
		return -EPERM;
	}
	return skb_is_gso' '		return dst_output(net, sk, skb);
	}
	return skb_is_gso'
off in-forward in.c 'return drop(skb, origin.group->app, SIPSEC_A_STATS_IN_DROP_FORWARD)' \
	'return NF_ACCEPT'
off in-closed in.c 'return drop(skb, flow->app, SIPSEC_A_STATS_IN_DROP_CLOSED)' 'return NF_ACCEPT'
guard closed
off flow-closed flow.c '		RCU_INIT_POINTER(flow->group, NULL);
	list_splice' '		(void)flow;
	list_splice'
guard encap all_udp
off in-encap-port in.c ' && key->peer_port == group->encap.peer_port' ''
guard encap socket_closed
off encap-port group.c ' || port_gone(&group->encap)' ''
guard intruder routed
off out-routed out.c 'flow ? drop(skb, flow->app, SIPSEC_A_STATS_OUT_DROP_SOCKET)' \
	'flow ? NF_ACCEPT'
off out-routed-final packet.c 'packet->routed && (!flow' '0 && (!flow'
guard routes churn
off out-route bundle.c 'bundle->xdst.child == child &&' '1 &&'
guard intruder changed
off out-fchown flow.c 'sk == flow->sk && uid_eq(sock_net_uid(sock_net(sk), sk), flow->uid)' \
	'sk == flow->sk'
guard intruder of_a_user
off out-uid flow.c '		return sk && uid_eq(sock_net_uid(sock_net(sk), sk), flow->uid);
	case SIPSEC_FLOW_ANY' '		return sk;
	case SIPSEC_FLOW_ANY'

# Receiving

guard foreign receiving
off in-clear in.c 'return drop(skb, flow->app, SIPSEC_A_STATS_IN_DROP_CLEAR);
	if (unlikely(!sipsec_group_related' 'return NF_ACCEPT;
	if (unlikely(!sipsec_group_related'
off in-another-group in.c '!sipsec_group_related(origin.group, group) || ' ''
off in-no-flow in.c '		if (origin.group)
			return drop' '		if (0)
			return drop'
off in-steal in.c 'return deliver(skb, flow->app, sk);' 'sock_put(sk); return NF_ACCEPT;'
off in-icmp in.c 'flow ? drop(skb, flow->app, SIPSEC_A_STATS_IN_DROP_ICMP)' 'flow ? NF_ACCEPT'
guard foreign takeover
off in-dead-socket in.c '	return !sock_flag(sk, SOCK_DEAD) && READ_ONCE(inet->inet_num) ==' \
	'	return 1 || READ_ONCE(inet->inet_num) =='
guard intruder changed
off in-connected in.c '	       sipsec_flow_fits_peer(sk, key) && !READ_ONCE' '	       !READ_ONCE'
off in-encap in.c ' && !READ_ONCE(udp_sk(sk)->encap_type)' ''
off port-freed netlink.c '	sk->sk_userlocks |= SOCK_BINDPORT_LOCK;
' ''
guard intruder of_a_user
off in-uid in.c '!sipsec_flow_allows(flow, sk) || ' ''
guard intruder quotes
off in-quote-later packet.c '&& !quoted)' '&& 1)'
off in-quote-ah packet.c 'int flags = quoted ? 0 : IP6_FH_F_AUTH' 'int flags = IP6_FH_F_AUTH'
guard intruder chosen
off in-pinned in.c '	app = sipsec_flow_find_exclusive(sn, skb->sk);
' '	app = sipsec_flow_find_exclusive(sn, skb->sk);
	skb_orphan(skb);
'
guard intruder for_many
off in-for-many in.c 'if (for_many(skb))' 'if (0 && for_many(skb))'
guard ipv6
off in-cut in.c 'packet.kind == SIPSEC_PACKET_CUT' '0'

# Who one is, and what is seen

guard badinput
off see-all netlink.c 'return caller->admin || (caller->owner && caller->owner->app == app)' \
	'return true'
off see-others netlink.c 'caller->owner && caller->owner->app == app' 'caller->owner'
off see-unowned netlink.c '		if (caller.admin)
			dump_one' '		if (1)
			dump_one'
off events netlink.c ', .flags = GENL_MCAST_CAP_NET_ADMIN' ''
off app-del-admin netlink-gen.c '		.policy		= sipsec_app_del_nl_policy,
		.maxattr	= SIPSEC_A_APP_NAME,
		.flags		= GENL_UNS_ADMIN_PERM,
' '		.policy		= sipsec_app_del_nl_policy,
		.maxattr	= SIPSEC_A_APP_NAME,
'
off change-persistent netlink.c 'group->persistent && !caller->admin' '0'
off adopt-persistent netlink.c '	} else if (group->persistent) {' '	} else if (0) {'
off new-persistent netlink.c 'if (persistent && !caller->admin)' 'if (0)'
off new-block netlink.c 'if (info->attrs[SIPSEC_A_GROUP_SPI_IN] && !caller->admin)' 'if (0)'
off bind-user netlink.c '	if (!caller->admin)
		return BAD(info, attr' '	if (0)
		return BAD(info, attr'
off unbind-user netlink.c 'flow->user != SIPSEC_FLOW_SOCKET && !caller->admin' '0'
off multicast netlink.c '!address_unicast(genl_info_net(info), &params->peer)' '0'
off fd-made netlink.c '!sipsec_app_made(app, sk, sock->file)' '0'
off fd-netns netlink.c '!net_eq(sock_net(sk), genl_info_net(info))' '0'
off fd-protocol netlink.c 'sk->sk_type != SOCK_DGRAM || sk->sk_protocol != key->protocol' '0'
off fd-device netlink.c 'sk->sk_bound_dev_if && sk->sk_bound_dev_if != key->ifindex' '0'
off fd-encap netlink.c 'key->protocol == IPPROTO_UDP && udp_sk(sk)->encap_type' '0'
off encap-type netlink.c 'udp_sk(sock->sk)->encap_type != UDP_ENCAP_ESPINUDP' '0'
off encap-needed netlink.c 'group->persistent == !!sock' '0'
off fd-local netlink.c \
	'inet_sk(sk)->inet_num != ntohs(key->local_port) || !sipsec_flow_fits_local(sk, key)' '0'
off fd-peer netlink.c '!sipsec_flow_fits_peer(sk, key)' '0'
off fd-other-socket flow.c ' || flow->sk != sk ||' ' ||'
off block-used group.c 'if (sipsec_sa_block_used(sn->net, &group->local, block))' 'if (0)'
off block-others sa.c 'READ_ONCE(net->xfrm.state_num) ==' '1 || 0 =='
off secret-used used.c 'err = -EKEYREJECTED;' 'err = 0;'
guard intruder lent
off flow-of-another flow.c 'if (flow->app != group->app || flow->user' 'if (flow->user'
off flow-left-by-another flow.c '(flow->app == group->app && flow->sk &&' '(flow->sk &&'
guard intruder reader
off list-read netlink.c '	caller->admin &= file_ns_capable' '	(void)file_ns_capable'
guard isolation deputy
off deputy netlink.c 'caller->admin = netlink_ns_capable(skb, net->user_ns, CAP_NET_ADMIN)' \
	'caller->admin = ns_capable(net->user_ns, CAP_NET_ADMIN)'
guard isolation portid
off portid-events notify.c '!sock_queue_rcv_skb(owner->sk, skb))' \
	'!genlmsg_unicast(sock_net(owner->sk), skb_get(skb), owner->portid))'
guard isolation killed
off owner-gone group.c 'linger = owner->app->conf.linger;' 'linger = 60;'
guard isolation namespaces
off admin-elsewhere netlink.c 'netlink_ns_capable(skb, net->user_ns, CAP_NET_ADMIN)' \
	'netlink_ns_capable(skb, current_user_ns(), CAP_NET_ADMIN)'
guard apps viewers
off viewer-changes netlink.c '	caller->viewing = NULL;
' '	caller->viewing = NETLINK_CB(skb).sk->sk_socket->file;
'
off viewer-opener app.c '	       has_group(file->f_cred, viewer);' '	       1;'
off viewer-caller app.c 'has_group(current_cred(), viewer) &&' '1 &&'
off viewer-of-all notify.c '		if (owner->app == group->app)
			send_to' '		if (1)
			send_to'
off viewer-no-more app.c 'if (!gid_eq(app->conf.viewer, conf->viewer))' 'if (0)'
guard apps credentials
off open-uid app.c '(!uid_valid(conf->uid) || uid_eq(cred->euid, conf->uid))' '1'
off open-gid app.c '(!gid_valid(conf->gid) || has_group(cred, conf->gid))' '1'
off open-cgroup app.c '(!conf->cgroup || in_cgroup(conf->cgroup)) &&' '1 &&'
off open-opener app.c '	return cred_admitted(conf, file->f_cred) &&' '	return 1 &&'
off open-caller app.c '	return cred_admitted(conf, current_cred()) &&' '	return 1 &&'

# How much, and what is allowed

guard apps quotas
off quota-groups app.c 'app->groups < app->conf.max_groups' '1'
off quota-groups-uid app.c '(!account || account->groups < app->conf.max_groups_uid)' '1'
off quota-flows app.c 'app->flows < app->conf.max_flows' '1'
off quota-flows-uid app.c '(!account || account->flows < app->conf.max_flows_uid)' '1'
off quota-adopt group.c '	    (owner->account->groups >= conf->max_groups_uid ||' \
	'	    ('
guard apps memory
off quota-memory app.c 'app->memory + octets <= app->conf.max_memory' '1'
off quota-memory-uid app.c '(!account || account->memory + octets <= app->conf.max_memory_uid)' '1'
off quota-memory-adopt group.c 'owner->account->memory + group->memory > conf->max_memory_uid' \
	'0'
guard intruder connections
off quota-owners app.c 'owner->account->owners >= SIPSEC_OWNERS_MAX' '0'
guard apps limits
off limit-suite netlink.c '!sipsec_app_may_use(app, params->suite)' '0'
off limit-peer netlink.c '!sipsec_app_may_reach(app, &params->peer)' '0'
off limit-ports netlink.c 'ntohs(key->local_port) < conf->port_min ||' '0 ||'
guard apps adopted lingering
off adopt-other netlink.c '!caller.owner || caller.owner->app != group->app' '!caller.owner'
off linger-for-ever group.c 'group->orphan_until = jiffies_in(linger)' \
	'group->orphan_until = group->expires'

# What User Mode Linux lacks: sockets that know their cgroup, packets that wait in queues, memory
# that does not come.

on=6.1
guard isolation sharing
off fd-cgroup app.c '(!conf->cgroup || made_in_cgroup(conf->cgroup, sk))' '1'
guard inflight
off in-after-end in.c 'group_related(origin.group, group) || !origin.sa ||' \
	'group_related(origin.group, group) ||'
off block-kept group.c '		if (sipsec_sa_in_flight(sa))
			return false;' '		if (0)
			return false;'
guard intruder slow_memory
off lock-order netlink.c '	lock_sock(sock->sk);
	return sock;' \
	'	mutex_lock(&sipsec_pernet(sock_net(sock->sk))->lock);
	lock_sock(sock->sk);
	mutex_unlock(&sipsec_pernet(sock_net(sock->sk))->lock);
	return sock;'

finished
