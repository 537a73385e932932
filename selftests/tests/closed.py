#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module, two sockets that do not stop sending        b: ip xfrm, keys of sipsec_keys.py
   [wire 10.9.0.1] ---------------------------------- [wire 10.9.0.2]

Each way in which a group can end comes while both sockets send. They go on until the kernel has
refused 300 datagrams of each. Whatever was sent must have been ESP on the wire and must have
arrived.
"""

import errno
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import sipsec_keys as keys
import testbed as tb

SUITE, BLOCK_B = 2, 0x5d1c2d00
PORTS_A, PORTS_B = (4000, 4001), (5000, 5001)
CONTROL_A, CONTROL_B = 4900, 5900
UID = 60001
GAP = 200


class Call:
    """A group with two flows; a user's, who has no capability."""

    def __init__(self, a, b, app, life):
        self.a, self.b, self.app = a, b, app
        self.master = tb.fresh_master()
        self.sockets = [tb.udp(a, a.address, PORTS_A[0], (b.address, PORTS_B[0]), uid=UID),
                        tb.udp(a, a.address, PORTS_A[1], uid=UID)]
        self.receivers = [tb.udp(b, b.address, port) for port in PORTS_B]
        self.life = life
        self.owner = self.child = None

    def open(self):
        self.owner = tb.Owner(self.a, self.app, uid=UID)
        self.group, _ = self.owner.reserve(self.a.address)
        self.owner.install(self.group, self.b.address, tb.OFFERER, self.master, BLOCK_B, SUITE,
                           rotate=1 << 20, life=self.life)
        for sock, port in zip(self.sockets, PORTS_B):
            self.owner.bind(self.group, sock, port)

    def open_in_child(self):
        """The owner is another process; we are left with the media sockets."""
        ready, told = os.pipe()
        self.child = os.fork()
        if not self.child:
            try:
                self.open()
                os.write(told, b"%d" % self.group)
                signal.pause()
            finally:
                os._exit(1)
        os.close(told)
        self.group = int(os.read(ready, 16) or b"0")
        os.close(ready)
        if not self.group:
            raise RuntimeError("the owner's process could not make the group")

    def kill(self):
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)

    def traffic(self):
        return tb.Traffic([
            tb.Flow(self.sockets[0], self.receivers[0], cpu=0, gap=GAP),
            tb.Flow(self.sockets[1], self.receivers[1], (self.b.address, PORTS_B[1]), cpu=1,
                    gap=GAP)])

    def flow(self, i):
        return {"protocol": 17, "local": tb.packed(self.a.address), "local_port": PORTS_A[i],
                "peer": tb.packed(self.b.address), "peer_port": PORTS_B[i]}

    def close(self):
        for s in self.sockets + self.receivers:
            s.close()
        if self.owner:
            self.owner.close()


def one_end(check, a, b, tap, admin, control, app, reason, end, life=3600, in_child=False):
    call = Call(a, b, app, life)
    if in_child:
        call.open_in_child()
    else:
        call.open()
    first = next(keys.rounds(call.master, "HMAC_SHA2_256", SUITE, "O", BLOCK_B))
    b.batch([keys.xfrm_state("add", first, SUITE, a.address, b.address, "replay-window 1024")])

    traffic = call.traffic()
    traffic.start_until_refused(300, 50000)
    seen = []

    def running():
        seen.extend(tap.drain(most=1000))
        return len(seen) > 200

    tb.poll("traffic", running)
    end(call)
    total = traffic.wait()
    traffic.close()
    event = admin.wait_event(lambda e: e.name == "group-del-ntf" and e.values["app"] == app)
    check.equal("reason", event.values["end-reason"], nl.spec.enums["end-reason"][reason])
    check.equal("id", event.values["id"], call.group)

    check.true("sent until the end: %d" % total["sent"], total["sent"] > 0)
    check.equal("refused with", errno.errorcode.get(total["errno"]), "EPERM")
    check.true("each was refused: %s" % [f["refused"] for f in total["flows"]],
               all(f["refused"] >= 300 for f in total["flows"]))
    for what in ("lost", "duplicated", "foreign", "corrupt"):
        check.equal(what, total[what], 0)
    check.equal("errors of b's xfrm", b.xfrm_errors(), {})
    seen += tap.drain()
    check.equal("on the wire", tb.by_protocol(seen), {"esp": total["sent"], "other": 0})
    check.equal("states of a", a.states(), [])
    check.equal("groups", admin.dump("group-get"), [])

    # What comes in clear to a closed flow; the datagram behind it shows that it was there.
    for receiver, port in zip(call.receivers, PORTS_A):
        receiver.sendto(b"clear", (a.address, port))
    control[1].sendto(b"control", (a.address, CONTROL_A))
    check.equal("control datagram", control[0].recv(64), b"control")
    for sock in call.sockets:
        check.true("nothing in clear reached the socket", tb.nothing_waits(sock))
        check.refused("send once more", errno.EPERM, sock.sendto, b"x", (b.address, PORTS_B[0])
                      if sock is call.sockets[0] else (b.address, PORTS_B[1]))
    check.equal("flows that are closed", [f["group"] for f in admin.dump("flow-get")], [0, 0])
    try:
        tb.run("rmmod", "sipsec")
        check.true("the module went while a flow was closed", False)
    except RuntimeError:
        check.true("the module stays while a flow is closed", True)
    tap.drain()

    # Unbound, or with another socket, it is plain traffic again.
    asker = call.owner if call.owner and call.owner.sock.fileno() >= 0 and reason in (
        "deleted", "life") else admin
    asker.do("flow-unbind", **call.flow(0))
    call.sockets[0].send(b"plain 0")
    check.equal("after flow-unbind", call.receivers[0].recv(64), b"plain 0")
    call.sockets[1].close()
    call.sockets[1] = tb.udp(a, a.address, PORTS_A[1])
    call.sockets[1].sendto(b"plain 1", (b.address, PORTS_B[1]))
    check.equal("with a new socket", call.receivers[1].recv(64), b"plain 1")
    check.equal("on the wire", tb.by_protocol(tap.drain()), {"esp": 0, "other": 2})
    # The kernel looks after closed sockets now and then.
    tb.poll("end of the flows", lambda: not admin.dump("flow-get"))

    call.close()
    b.ip("xfrm state flush")
    if reason != "app-deleted":
        admin.do("app-del", name=app)


def main():
    check = tb.Checks()
    # Datagrams of one CPU arrive in order.
    os.sched_setaffinity(0, {0})
    with tb.two_hosts() as (a, b):
        tap, admin = tb.Tap(b), tb.Admin(a)
        admin.join()
        control = (tb.udp(a, a.address, CONTROL_A), tb.udp(b, b.address, CONTROL_B))
        for name, reason, end, more in (
                ("owner-del", "deleted", lambda c: c.owner.do("group-del", id=c.group), {}),
                ("admin-del", "deleted", lambda c: admin.do("group-del", id=c.group), {}),
                ("app-del", "app-deleted", lambda c: admin.do("app-del", name=c.app), {}),
                ("close", "owner-closed", lambda c: c.owner.close(), {}),
                ("kill", "owner-closed", lambda c: c.kill(), {"in_child": True}),
                ("life", "life", lambda c: None, {"life": 5})):
            print(name)
            one_end(check, a, b, tap, admin, control, name, reason, end, **more)
    check.finish()


if __name__ == "__main__":
    main()
