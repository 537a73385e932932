#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""report.py FOLDER: table, JSON and plots of the results that `make bench` left in FOLDER."""

import json
import os
import shutil
import subprocess
import sys

VARIANTS = "clear", "xfrm", "sipsec"


def read(folder):
    with open(os.path.join(folder, "results"), encoding="utf-8") as f:
        results = [json.loads(line) for line in f]
    with open(os.path.join(folder, "machine"), encoding="utf-8") as f:
        machine = dict(line.rstrip("\n").split(": ", 1) for line in f)
    return results, machine


class Results:
    """Look-up of values by what was measured and how."""

    def __init__(self, results):
        self.all = results

    def value(self, bench, **how):
        found = [r["value"] for r in self.all if r["bench"] == bench and
                 all(r.get(k) == v for k, v in how.items())]
        return found[0] if found else None

    def seen(self, bench, *names):
        """The combinations of these keys, in their order of measurement."""
        return list(dict.fromkeys(tuple(r.get(n) for n in names) for r in self.all
                                  if r["bench"] == bench))

    def ratio(self, a, b):
        """Of two (bench, how), or None."""
        a, b = self.value(a[0], **a[1]), self.value(b[0], **b[1])
        return a / b if a is not None and b else None


def number(value):
    return "-" if value is None else "{:,.0f}".format(value)


def times(value):
    return "-" if value is None else "%.2f" % value


def rows(titles, lines):
    """Aligned columns: the first ones are names, numbers are on the right."""
    lines = [titles] + [[str(c) for c in line] for line in lines]
    width = [max(len(line[i]) for line in lines) for i in range(len(titles))]
    for line in lines:
        yield "  " + "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, width))
        ).rstrip()


def packets(r):
    for bench, what in (("tx", "Sending a datagram"), ("rx", "Receiving a datagram")):
        keys = r.seen(bench, "family", "path", "size", "flows")
        if not keys:
            continue
        yield "%s: instructions per packet" % what
        lines = []
        for family, path, size, flows in keys:
            how = {"family": family, "path": path, "size": size, "flows": flows}
            values = [r.value(bench, variant=v, **how) for v in VARIANTS]
            lines.append(["IPv%d %s" % (family, path or ""), size, number(flows)] +
                         [number(v) for v in values] +
                         [times(values[2] / values[1] if values[1] else None)])
        yield from rows(["", "octets", "flows", *VARIANTS, "sipsec/xfrm"], lines)
        yield ""


def rotation(r):
    keys = r.seen("rotation", "family", "path")
    if not keys:
        return
    yield "Rotation: instructions per packet, making the rounds included"
    lines = []
    for family, path in keys:
        long, short = (r.value("rotation", family=family, path=path, variant=v)
                       for v in ("long", "T=1000"))
        lines.append(["IPv%d %s" % (family, path), number(long), number(short),
                      "%+.1f %%" % (100 * (short / long - 1))])
    yield from rows(["", "one round", "T=1000", ""], lines)
    yield ""


def tax(r):
    keys = r.seen("tax", "family", "path", "sockets")
    if not keys:
        return
    yield "Unclaimed packets of a namespace whose other sockets are flows: instructions per packet"
    lines = []
    for family, path, sockets in keys:
        none, claimed = (r.value("tax", family=family, path=path, sockets=sockets, flows=f)
                         for f in (0, sockets))
        lines.append(["IPv%d %s" % (family, path), number(sockets), number(none), number(claimed),
                      "%+.1f %%" % (100 * (claimed / none - 1))])
    yield from rows(["", "sockets", "no flow", "all flows", ""], lines)
    yield ""


def by_groups(r, bench, title):
    keys = [g for g, in r.seen(bench, "groups")]
    variants = [v for v, in r.seen(bench, "variant")]
    if not keys:
        return
    yield title
    lines = [[number(g)] + [number(r.value(bench, groups=g, variant=v)) for v in variants]
             for g in keys]
    yield from rows(["groups"] + variants, lines)
    yield ""


def set_up(r):
    yield from by_groups(r, "set-up", "Set-up: instructions per group (sipsec: library and kernel, "
                         "three requests; else ip -batch)")
    yield from by_groups(r, "tear-down", "Tear-down: instructions per group")
    yield from by_groups(r, "memory", "Memory of the kernel: octets per group")


def dialog(r):
    steps = [s for s, in r.seen("dialog", "step")]
    if not steps:
        return
    yield "A call, libsipsec and kernel: instructions of one side (1,000,000 are 1 ms at 1 GHz)"
    yield from rows(["", "instructions"],
                    [[s, number(r.value("dialog", step=s, unit="instructions"))] for s in steps])
    yield "  octets offered in SDP: " + number(r.value("dialog", step="offer", unit="octets"))
    yield ""


def targets(r):
    tx = {"family": 4, "size": 200}
    many = max((f for f, in r.seen("tx", "flows")), default=1)

    def cost(bench, variant, **how):
        return bench, {"variant": variant, **({} if bench == "rotation" else tx), **how}

    def states(variant):
        value = r.value("set-up", groups=1000, variant=variant)
        count = r.value("installed", groups=1000) if variant == "sipsec" else 2
        return value / count if value and count else None

    memory, theirs_memory = (r.value("memory", groups=1000, variant=v)
                             for v in ("sipsec", "2 states"))
    installed = r.value("installed", groups=1000)
    each, theirs = states("sipsec"), states("2 states")
    wanted = [
        ("unconnected, 1 flow / xfrm", 0.80,
         r.ratio(cost("tx", "sipsec", path="unconnected", flows=1),
                 cost("tx", "xfrm", path="unconnected", flows=1))),
        ("unconnected, %s flows / 1 flow" % number(many), 1.02,
         r.ratio(cost("tx", "sipsec", path="unconnected", flows=many),
                 cost("tx", "sipsec", path="unconnected", flows=1))),
        ("connected, 1 flow / xfrm", 1.00,
         r.ratio(cost("tx", "sipsec", path="connected", flows=1),
                 cost("tx", "xfrm", path="connected", flows=1))),
        ("receiving, 1 flow / xfrm", 1.00,
         r.ratio(cost("rx", "sipsec", flows=1), cost("rx", "xfrm", flows=1))),
    ] + [
        ("rotation T=1000, %s / one round" % path, 1.02,
         r.ratio(cost("rotation", "T=1000", path=path), cost("rotation", "long", path=path)))
        for path in ("tx unconnected", "tx connected", "rx")
    ] + [
        ("set-up of a group / 2 states + 2 policies", 1.00,
         r.ratio(("set-up", {"groups": 1000, "variant": "sipsec"}),
                 ("set-up", {"groups": 1000, "variant": "2 states + 2 policies"}))),
        ("set-up, each state / ip's", 0.50, each / theirs if each and theirs else None),
        ("memory, each state / ip's", 1.30,
         memory / theirs_memory * 2 / installed if memory and theirs_memory else None),
    ]
    lines = [[what, "<= %.2f" % limit, times(value), "met" if value <= limit + 0.005 else "MISSED"]
             for what, limit, value in wanted if value is not None]
    if lines:
        yield "Targets"
        yield from rows(["", "target", "measured", ""], lines)
        yield ""


def table(r, machine):
    yield from ("%s: %s" % item for item in machine.items())
    yield ""
    for part in targets, packets, rotation, tax, set_up, dialog:
        yield from part(r)


class Plot:
    """A picture, as SVG and as PNG."""

    def __init__(self, name, title, xlabel, ylabel, log="xy"):
        self.name = name
        self.head = ["set title '%s'" % title, "set xlabel '%s'" % xlabel,
                     "set ylabel '%s'" % ylabel, "set logscale %s" % log, "set key top left",
                     "set grid", "set yrange [1000:*]"]
        self.lines = []

    def add(self, title, points):
        points = [(x, y) for x, y in points if y is not None]
        if points:
            self.lines.append((title, points))

    def draw(self, folder):
        if not self.lines:
            return
        for kind, terminal in (("svg", "svg size 720,480"), ("png", "pngcairo size 720,480")):
            text = self.head[:]
            text += ["set terminal %s" % terminal,
                     "set output '%s'" % os.path.join(folder, "%s.%s" % (self.name, kind))]
            text.append("plot " + ", ".join("'-' using 1:2 with linespoints lw 2 title '%s'" % t
                                            for t, _ in self.lines))
            for _, points in self.lines:
                text += ["%s %s" % point for point in points] + ["e"]
            subprocess.run(["gnuplot"], input="\n".join(text) + "\n", text=True, check=True)


def plots(r, folder):
    for bench, path, title in (("tx", "unconnected", "Sending, unconnected socket"),
                               ("tx", "connected", "Sending, connected socket"),
                               ("rx", None, "Receiving")):
        for family, in r.seen(bench, "family"):
            name = "-".join(filter(None, [bench, path, "ipv%d" % family]))
            plot = Plot(name, title + ", IPv%d, 200 octets" % family,
                        "flows between two hosts", "instructions per packet")
            for v in VARIANTS:
                plot.add(v, [(n, r.value(bench, family=family, path=path, size=200, flows=n,
                                         variant=v)) for n, in r.seen(bench, "flows")])
            plot.draw(folder)
    for bench, title in (("set-up", "Set-up"), ("tear-down", "Tear-down")):
        plot = Plot(bench, title, "groups", "instructions per group")
        for v, in r.seen(bench, "variant"):
            plot.add(v, [(n, r.value(bench, groups=n, variant=v))
                         for n, in r.seen(bench, "groups")])
        plot.draw(folder)


def main():
    folder = sys.argv[1]
    results, machine = read(folder)
    r = Results(results)
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as f:
        json.dump({"machine": machine, "results": results}, f, indent=1)
    text = "\n".join(table(r, machine)) + "\n"
    with open(os.path.join(folder, "table.txt"), "w", encoding="utf-8") as f:
        f.write(text)
    print(text)
    if shutil.which("gnuplot"):
        plots(r, folder)
    else:
        print("no plots: there is no gnuplot")


if __name__ == "__main__":
    main()
