#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""faultsites.py MODULE.ko: where the module can run out of memory.

A site is a call, in the built module, of a kernel function that allocates. The compiler's debug
information names the return address of each call and who is called, also where the call goes
through a register. Every symbol the module imports is either in ALLOCATES or in DOES_NOT: one that
is in neither, and a call that the debug information does not know, are errors.
"""

import collections
import fnmatch
import re
import subprocess
import sys

# What can fail for want of memory, or tries to have some; what that means for the caller is a
# matter of the tests.
ALLOCATES = set("""
    __alloc_skb skb_clone skb_copy_expand __pskb_pull_tail kstrdup __skb_gso_segment
    netlink_unicast netlink_broadcast_filtered
    __kmalloc_cache_noprof __kmalloc_noprof __alloc_pages_noprof __kmem_cache_create_args
    pcpu_alloc_noprof __xa_alloc_cyclic xa_store __do_once_done
    rhashtable_init_noprof rhltable_init_noprof rhashtable_insert_slow rht_bucket_nested_insert
    alloc_workqueue crypto_alloc_aead crypto_alloc_shash
    xfrm_aead_get_byname xfrm_aalg_get_byname xfrm_ealg_get_byname
    xfrm_state_alloc xfrm_init_state xfrm_output xfrm_local_error dst_alloc dst_cow_metrics_generic
    genl_register_family genl_unregister_family register_pernet_device
    nf_register_net_hooks nf_unregister_net_hooks
""".split())

# All the rest.
DOES_NOT = """
    __asan_* __kasan_* __ubsan_* __gcov_* __sanitizer_* *kunit_* __fentry__ __x86_*
    debug_locks debug_lockdep_rcu_enabled lock_acquire lock_release lock_is_held_type lockdep_*
    rcu_lock_map rcu_read_lock_held rcu_read_lock_bh_held rcu_is_watching trace_hardirqs_*
    preempt_* pcpu_hot this_cpu_off __per_cpu_offset __cpu_possible_mask
    fs_reclaim_acquire fs_reclaim_release __might_sleep
    signals_enabled um_set_signals mem_map uml_physmem
    panic warn_slowpath_fmt __warn_printk _printk refcount_warn_saturate __stack_chk_fail
    __list_add_valid_or_report __list_del_entry_valid_or_report
    memcmp memcpy memmove memset strcmp strlen strnlen sized_strscpy snprintf _ctype
    kmalloc_caches random_kmalloc_seed
    __raw_spin_lock_init __mutex_init mutex_lock* mutex_unlock _raw_spin_*
    __local_bh_disable_ip __local_bh_enable_ip __rcu_read_lock __rcu_read_unlock
    call_rcu rcu_barrier synchronize_rcu
    __init_work init_timer_key delayed_work_timer_fn system_wq queue_delayed_work_on queue_rcu_work
    queue_work_on mod_delayed_work_on cancel_delayed_work cancel_delayed_work_sync
    flush_delayed_work destroy_workqueue jiffies ktime_get_with_offset
    get_random_bytes get_random_u32 __do_once_start
    __siphash_aligned __siphash_unaligned
    kfree kfree_sensitive free_percpu kmem_cache_destroy
    xa_destroy xa_erase xa_find xa_find_after xa_load __rht_bucket_nested rht_bucket_nested
    rhashtable_destroy rhashtable_free_and_destroy
    consume_skb sk_skb_reason_drop kfree_skb_list_reason skb_put skb_push skb_trim
    skb_copy_bits skb_dump skb_gso_validate_network_len skb_add_rx_frag_netmem
    skb_headers_offset_update __skb_ext_del
    sk_free sock_edemux sockfd_lookup fput lock_sock_nested release_sock netstamp_needed_key
    file_ns_capable
    do_trace_netlink_extack genlmsg_put netlink_has_listeners netlink_ns_capable nla_put
    nla_put_64bit netlink_register_notifier netlink_unregister_notifier
    register_netdevice_notifier unregister_netdevice_notifier unregister_pernet_device
    from_kuid_munged from_kgid_munged make_kuid make_kgid init_user_ns nla_reserve
    sock_queue_rcv_skb_reason cgroup_get_from_path cgroup_mutex css_set_lock
    trace_* __trace_trigger_soft_disabled rcu_read_lock_sched_held
    __bitmap_weight _find_next_bit csum_ipv6_magic nf_conntrack_destroy __xfrm_policy_check
    inet_addr_type inet_protos udp4_lib_lookup init_net
    inet6_protos udp6_lib_lookup ipv6_chk_addr __ipv6_addr_type ipv6_ext_hdr ipv6_find_hdr
    dev_get_by_index_rcu csum_partial nla_memcpy __might_resched __cond_resched
    __module_get module_put
    __dst_destroy_metrics_generic dst_release rcuref_get_slowpath
    crypto_destroy_tfm
    __xfrm_state_destroy xfrm_state_delete xfrm_state_lookup xfrm_state_mtu
    xfrm4_protocol_register xfrm4_protocol_deregister
    xfrm6_protocol_register xfrm6_protocol_deregister
""".split() + [
    # Those of HMAC and SHA-2 work in place; the descriptor is on our stack.
    "crypto_shash_setkey", "crypto_shash_update", "crypto_shash_finup",
    "crypto_shash_tfm_digest",
    # The tables of the SAD grow in a work item of their own.
    "xfrm_state_add",
    # Hooks of others; their verdict is ours, whatever they lacked.
    "nf_hook_slow",
    # What was held is xfrm's from there on, as if it had just come.
    "xfrm4_rcv", "xfrm6_rcv", "xfrm_input",
    # News of a path that finds no memory is not learned, and comes again with the next packet.
    "ipv4_update_pmtu", "ipv4_redirect", "ip6_update_pmtu", "ip6_redirect",
    # The tests of the state machine and of the key schedule alone.
    "vzalloc_noprof", "vfree", "crypto_register_shash", "crypto_unregister_shash", "memchr_inv",
]

# What a call through a pointer may call, by the function it is in; None: nothing that allocates.
THROUGH_POINTER = {
    "reply": None,                  # fill(): puts attributes
    "dump_one": None,
    "with_group": ("group_del", "group_get", "group_rotate"),
    "with_flow": ("flow_unbind", "flow_get"),
    "group_del": ("sipsec_group_retire", "sipsec_group_end"),
    "sipsec_app_conf_put": None,    # percpu_ref's release
    "__traceiter_drop": None, "__traceiter_refused": None,  # whoever listens to the tracepoint
    "derive": ("sipsec_sa_new_out", "sipsec_sa_new_in"),
    "expand": None,                 # shash_alg.init
    "seek": None, "spin_unlock_bh": None,   # the same functions again
    "rht_key_get_hash": None, "__rhashtable_lookup": None, "__rhashtable_insert_fast": None,
    "__rhashtable_remove_fast": None,
    "flush": None,                  # match()
    "sipsec_bundle_get": None,      # dst_ops.mtu
    "bundle_new": None,
    "bundle_neigh_lookup": None,    # the neighbour is the caller's
    "local_in": None,               # skb.destructor, the receiver of the protocol
    "deliver": None, "deliver_whole": None, "pull_headers": None,
    "transmit": None, "local_out": None,
}

Site = collections.namedtuple("Site", "callee section offset function where")


def output(*words):
    return subprocess.run(words, check=True, text=True, capture_output=True).stdout


class Module:
    """Its sites, and who calls whom."""

    def __init__(self, path):
        self.path = path
        self.errors = []
        self.imports = {text.split()[-1] for text in output("nm", "-u", path).splitlines()}
        self.functions = {}         # name -> [(section, start, end)]
        self.read_symbols()
        self.dies = {}
        self.calls = []             # DIEs of calls
        self.read_dies()
        self.edges = collections.defaultdict(set)
        self.sites = self.find_sites()
        self.check_imports()
        self.check_instructions()

    def read_symbols(self):
        sections = {}
        for text in output("readelf", "-SW", self.path).splitlines():
            m = re.match(r" *\[ *(\d+)\] (\S+)", text)
            if m:
                sections[m[1]] = m[2]
        for text in output("readelf", "-sW", self.path).splitlines():
            words = text.split()
            if len(words) == 8 and words[3] == "FUNC" and words[6] in sections:
                start = int(words[1], 16)
                self.functions.setdefault(words[7], []).append(
                    (sections[words[6]], start, start + int(words[2], 0)))

    def read_dies(self):
        """Those with a name, and the nesting of calls in them."""
        die = re.compile(r" *<([0-9a-f]+)><([0-9a-f]+)>: Abbrev Number: \d+ \(DW_TAG_(\w+)\)")
        attribute = re.compile(r" +<[0-9a-f]+> +DW_AT_(\w+) *: (.*)")
        stack = []
        with subprocess.Popen(["readelf", "--debug-dump=info", self.path], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            for text in process.stdout:
                m = die.match(text)
                if m:
                    level = int(m[1], 16)
                    del stack[level:]
                    current = {"tag": m[3], "up": stack[-1] if stack else None}
                    stack.append(current)
                    self.dies[int(m[2], 16)] = current
                    if m[3] == "call_site":
                        self.calls.append(current)
                    continue
                m = attribute.match(text)
                if m and stack:
                    stack[-1][m[1]] = m[2].strip()

    def name(self, die):
        while die and "name" not in die:
            origin = die.get("abstract_origin") or die.get("specification")
            die = self.dies[int(origin.strip("<>"), 16)] if origin else None
        return die["name"].split("): ")[-1] if die else None

    def place(self, name, address):
        """Section of the function of that name in which the address is."""
        for symbol, ranges in self.functions.items():
            if symbol.split(".")[0] == name:
                for section, start, end in ranges:
                    if start < address <= end:
                        return section
        return None

    def find_sites(self):
        sites = []
        self.known = set()
        for call in self.calls:
            address = int(call["call_return_pc"], 16)
            inner = outer = None
            up = call["up"]
            while up["tag"] != "compile_unit":
                if up["tag"] in ("subprogram", "inlined_subroutine"):
                    outer = self.name(up)
                    inner = inner or outer
                up = up["up"]
            section = self.place(outer, address)
            self.known.add((section, address))
            if "/tests/" in self.name(up):
                continue
            if "call_origin" in call:
                callee = self.name(self.dies[int(call["call_origin"].strip("<>"), 16)])
                self.edges[outer].add(callee)
            elif inner in THROUGH_POINTER or outer in THROUGH_POINTER:
                callee = None
                self.edges[outer].update(THROUGH_POINTER.get(inner) or
                                         THROUGH_POINTER.get(outer) or ())
            else:
                self.errors.append("THROUGH_POINTER does not know of %s" % inner)
                continue
            if callee in ALLOCATES:
                if "call_tail_call" in call:
                    self.errors.append("%s calls %s as its last act: no return address"
                                       % (outer, callee))
                sites.append(Site(callee, section, address, outer,
                                  "kernel/" + self.name(up).split("/kernel/")[-1]))
        return self.with_lines(sites)

    def with_lines(self, sites):
        """Where in our files each call is written, whatever was inlined."""
        found = {}
        for section in {s.section for s in sites}:
            addresses = [s.offset for s in sites if s.section == section]
            lines = output("addr2line", "-ai", "-j", section, "-e", self.path,
                           *("%#x" % (a - 1) for a in addresses)).splitlines()
            for text in lines:
                m = re.match(r"0x([0-9a-f]+)$", text)
                if m:
                    current = section, int(m[1], 16) + 1
                    continue
                m = re.search(r"/(kernel/[a-z-]+\.c:\d+)", text)
                if m:
                    found.setdefault(current, m[1])
        return [s._replace(where=found.get((s.section, s.offset), s.where)) for s in sites]

    def check_imports(self):
        for name in sorted(self.imports - ALLOCATES):
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in DOES_NOT):
                self.errors.append("import %s is neither in ALLOCATES nor in DOES_NOT" % name)

    def check_instructions(self):
        """Every call instruction is one that the debug information knows."""
        section = function = after = None
        for text in output("objdump", "-dr", "--no-show-raw-insn", self.path).splitlines():
            m = re.match(r"Disassembly of section (\S+):", text)
            if m:
                section, after = m[1], None
                continue
            m = re.match(r"[0-9a-f]+ <(\S+)>:", text)
            if m:
                function = m[1]
            m = re.match(r" *([0-9a-f]+):\t(?:cs )*(\S+) *(\S*)", text)
            if m:
                # KASAN's constructors and the like have no debug information.
                if after and (section, int(m[1], 16)) not in self.known and \
                   not re.match(r"_sub_[ID]_", after[0]):
                    self.errors.append("unknown call before %s+%s, to %s" % (section, m[1], after))
                after = (function, m[3]) if m[2].startswith("call") else None
                # A pointer: optimisation may lose what is known of the call.
                if after and m[3].startswith("*") and function.split(".")[0] in THROUGH_POINTER:
                    after = None
            elif after and "R_X86_64" in text:
                symbol = text.split()[-1].split("-")[0]
                if any(fnmatch.fnmatchcase(symbol, pattern) for pattern in DOES_NOT):
                    after = None

    def reachable(self, *functions):
        """Sites in what these functions call, directly or not."""
        seen, queue = set(), list(functions)
        while queue:
            name = queue.pop()
            if name not in seen:
                seen.add(name)
                queue += self.edges[name]
        return [s for s in self.sites if s.function in seen]


def title(site):
    return "%s %s() calls %s" % (site.where, site.function, site.callee)


def main():
    module = Module(sys.argv[1])
    for site in sorted(module.sites, key=lambda s: (s.where.split(":")[0], s.offset)):
        print("%-12s %#8x  %s" % (site.section, site.offset, title(site)))
    print("%d sites, %d calls, %d imports" % (len(module.sites), len(module.calls),
                                              len(module.imports)))
    for text in module.errors:
        print("error:", text)
    sys.exit(1 if module.errors else 0)


if __name__ == "__main__":
    main()
