#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads the tables of one snapshot again and computes what they say a second time.

    tables-check.py DIR [--garbage]

DIR has nodes.csv, edges.csv, types.csv, memory.csv, roots.csv, goroutines.csv; with --garbage, these and heap.pb and
heap.folded hold unreachable objects, too. Shares no code with heapconv: dominators by
sets of numbers that shrink (Cooper, Harvey, Kennedy), retained sizes by adding up the tree, depths by breadth-first search.
Prints one line per complaint, at most MAX; none means that the tables agree.
"""
import collections
import csv
import re
import sys

MAX = 20
HEADS = {
    "nodes": "Id,Label,Kind,TypeName,Package,Count,Size,Retained,ScanBytes,Pointers,SizeClass,Depth,Idom,RootKind,Goroutine,"
             "Finalizer,AllocSite",
    "edges": "Source,Target,Type,Label,Weight,Kind,SrcOffset,DstOffset",
    "types": "TypeName,Package,Count,Size,Retained,MaxRetained,ScanBytes,Slack,ElemSize,Exact,Propagated,Inferred,Unknown",
    "memory": "Class,Bytes,Objects",
    "roots": "Kind,Name,TypeName,Goroutine,Function,File,Line,Address,Target,Retained",
    "goroutines": "Id,State,WaitReason,WaitSeconds,Function,CreatedBy,CreatedById,Labels,StackBytes,Frames,Retained",
}
NUMBERS = {
    "nodes": "Count Size Retained ScanBytes Pointers SizeClass Goroutine",
    "edges": "Weight SrcOffset DstOffset",
    "types": "Count Size Retained MaxRetained ScanBytes Slack ElemSize Exact Propagated Inferred Unknown",
    "memory": "Bytes Objects",
    "roots": "Goroutine Line Retained",
    "goroutines": "Id WaitSeconds CreatedById StackBytes Frames Retained",
}
complaints = 0


def complain(text):
    global complaints
    complaints += 1
    if complaints <= MAX:
        print(text)


def equal(what, got, expected):
    if got != expected:
        complain(f"{what}: {got}, computed again: {expected}")


def read(directory, name):
    with open(f"{directory}/{name}.csv", encoding="utf-8", errors="strict", newline="") as f:
        rows = csv.reader(f, strict=True)
        head = next(rows)
        equal(f"{name}: header", ",".join(head), HEADS[name])
        table = []
        for row in rows:
            if len(row) != len(head):
                complain(f"{name}: row {len(table) + 2} has {len(row)} cells")
                continue
            if any(c[:1] in "=+-@\t\r" and c for c in row):
                complain(f"{name}: row {len(table) + 2} has a cell that a spreadsheet takes for a formula")
            table.append(dict(zip(head, row)))
    for row in table:
        for column in NUMBERS[name].split():
            if not re.fullmatch(r"\d+", row[column]):
                complain(f"{name}: {column} is '{row[column]}', no number")
                row[column] = "0"
            row[column] = int(row[column])
    return table


class Graph:
    """The reachable part, numbered in reverse postorder from ROOT."""

    def __init__(self, nodes, edges):
        self.out = collections.defaultdict(list)
        for e in edges:
            self.out[e["Source"]].append(e["Target"])
        order, seen, stack = [], {"ROOT"}, [("ROOT", iter(self.out["ROOT"]))]
        while stack:
            node, targets = stack[-1]
            for t in targets:
                if t not in seen:
                    seen.add(t)
                    stack.append((t, iter(self.out[t])))
                    break
            else:
                order.append(node)
                stack.pop()
        self.order = order[::-1]
        self.number = {node: i for i, node in enumerate(self.order)}
        self.size = [nodes[n]["Size"] for n in self.order]

    def dominators(self):
        preds = [[] for _ in self.order]
        for n in self.order:
            for t in self.out[n]:
                preds[self.number[t]].append(self.number[n])
        idom = [None] * len(self.order)
        idom[0] = 0
        changed = True
        while changed:
            changed = False
            for i in range(1, len(self.order)):
                new = None
                for p in preds[i]:
                    if idom[p] is None:
                        continue
                    if new is None:
                        new = p
                    while new != p:
                        while p > new:
                            p = idom[p]
                        while new > p:
                            new = idom[new]
                if idom[i] != new:
                    idom[i] = new
                    changed = True
        return idom

    def depths(self):
        depth, queue = {"ROOT": 0}, collections.deque(["ROOT"])
        while queue:
            n = queue.popleft()
            for t in self.out[n]:
                if t not in depth:
                    depth[t] = depth[n] + 1
                    queue.append(t)
        return depth


def check_graph(nodes, edges):
    """Idom, Retained and Depth of nodes; by type what it retains."""
    for e in edges:
        if e["Source"] not in nodes or e["Target"] not in nodes:
            complain(f"edges: {e['Source']} -> {e['Target']} has an end that is no row of nodes")
            return {}
        equal(f"edges: Type of {e['Source']} -> {e['Target']}", e["Type"], "Directed")
    g = Graph(nodes, edges)
    idom = g.dominators()
    retained = list(g.size)
    for i in range(len(idom) - 1, 0, -1):
        retained[idom[i]] += retained[i]
    depth = g.depths()
    pointers = collections.Counter()
    for e in edges:
        if nodes[e["Target"]]["Kind"] == "object":
            pointers[e["Source"]] += e["Weight"]
    for name, n in nodes.items():
        i = g.number.get(name)
        equal(f"nodes: Retained of {name}", n["Retained"], 0 if i is None else retained[i])
        equal(f"nodes: Idom of {name}", n["Idom"], "" if not i else g.order[idom[i]])
        equal(f"nodes: Depth of {name}", n["Depth"], "" if i is None else str(depth[name]))
        equal(f"nodes: Pointers of {name}", n["Pointers"], pointers[name])
        if i is None:
            equal(f"nodes: RootKind of {name}", n["RootKind"], "unreachable")
    # What a type retains: the subtrees of its objects that are below no other object of it.
    by_type = collections.Counter()
    above = [frozenset()] * len(idom)
    for i in range(len(idom)):
        n = nodes[g.order[i]]
        up = above[idom[i]] if i else frozenset()
        if n["Kind"] == "object" and n["TypeName"] not in up:
            by_type[n["TypeName"]] += retained[i]
            up = up | {n["TypeName"]}
        above[i] = up
    return by_type


def check_types(nodes, types, retained):
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    for n in nodes.values():
        if n["Kind"] == "object":
            s = sums[n["TypeName"]]
            s[0] += n["Count"]
            s[1] += n["Size"]
            s[2] += n["ScanBytes"]
            s[3] = max(s[3], n["Retained"])
    seen = set()
    for t in types:
        name = t["TypeName"]
        if name in seen:
            complain(f"types: {name} has two rows")
        seen.add(name)
        equal(f"types: Count, Size, ScanBytes, MaxRetained of {name}",
              [t["Count"], t["Size"], t["ScanBytes"], t["MaxRetained"]], sums[name])
        equal(f"types: Retained of {name}", t["Retained"], retained[name])
        equal(f"types: origins of {name}", t["Exact"] + t["Propagated"] + t["Inferred"] + t["Unknown"], t["Count"])
    for name in sums:
        if name not in seen:
            complain(f"types: no row for {name}")
    sizes = [t["Size"] for t in types]
    equal("types: order", sizes, sorted(sizes, reverse=True))


def check_memory(nodes, types, memory, garbage):
    rows = {m["Class"]: m for m in memory}
    children = collections.defaultdict(list)
    for name in rows:
        if "." in name:
            children[name.rsplit(".", 1)[0]].append(name)
    for parent, names in children.items():
        equal(f"memory: Bytes of {parent}", rows[parent]["Bytes"], sum(rows[c]["Bytes"] for c in names))
    for parent in ("heap", "heap.live"):
        equal(f"memory: Objects of {parent}", rows[parent]["Objects"],
              sum(rows[c]["Objects"] for c in children[parent]) if children[parent] else 0)
    live = rows["heap.live"]["Bytes"] + rows["heap.slack"]["Bytes"]
    dead = rows["heap.garbage"]["Bytes"] if garbage else 0
    equal("nodes: sum of Size", sum(n["Size"] for n in nodes.values()), live + dead)
    equal("types: sum of Size", sum(t["Size"] for t in types), live + dead)
    count = rows["heap.live"]["Objects"] + (rows["heap.garbage"]["Objects"] if garbage else 0)
    equal("nodes: sum of Count", sum(n["Count"] for n in nodes.values()), count)
    equal("types: sum of Count", sum(t["Count"] for t in types), count)
    equal("nodes: Retained of ROOT", nodes["ROOT"]["Retained"], live)
    if not garbage:
        equal("types: sum of Slack", sum(t["Slack"] for t in types), rows["heap.slack"]["Bytes"])
        for origin in ("exact", "propagated", "inferred", "unknown"):
            row = rows.get(f"heap.live.{origin}", {"Objects": 0})
            equal(f"types: sum of {origin}", sum(t[origin.capitalize()] for t in types), row["Objects"])


def check_roots(nodes, roots):
    """A root's Retained is that of the object behind it where nothing else keeps that."""
    sizes = [r["Retained"] for r in roots]
    equal("roots: order", sizes, sorted(sizes, reverse=True))
    for r in roots:
        if r["Target"] not in nodes:
            complain(f"roots: {r['Name']} points to {r['Target']}, which is no row of nodes")
        elif r["Retained"] not in (0, nodes[r["Target"]]["Retained"]):
            complain(f"roots: {r['Name']} retains {r['Retained']}, its target {nodes[r['Target']]['Retained']}")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def messages(data):
    """Fields of a protobuf message: number and value."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        yield key >> 3, value


def profile_sums(path):
    """Sums of a profile's samples, by sample type."""
    with open(path, "rb") as f:
        data = f.read()
    kinds, strings, sums = [], [], collections.Counter()
    for number, value in messages(data):
        if number == 1:
            kinds.append(dict(messages(value))[1])
        elif number == 2:
            packed = dict(messages(value))[2]
            at = i = 0
            while at < len(packed):
                n, at = varint(packed, at)
                sums[i] += n
                i += 1
        elif number == 6:
            strings.append(value.decode())
    return {strings[kind]: sums[i] for i, kind in enumerate(kinds)}


def check_profile(directory, nodes, types):
    """What the retained profile and the folded stacks hold is what the tables hold."""
    objects = [n for n in nodes.values() if n["Kind"] == "object"]
    sums = profile_sums(f"{directory}/heap.pb")
    equal("pprof: sums", sums, {
        "inuse_objects": sum(n["Count"] for n in objects),
        "pointers": sum(n["Pointers"] for n in objects),
        "slack_space": sum(t["Slack"] for t in types),
        "inuse_space": sum(n["Size"] for n in objects),
    })
    with open(f"{directory}/heap.folded", encoding="utf-8") as f:
        equal("folded: sum", sum(int(line.rsplit(" ", 1)[1]) for line in f), sums["inuse_space"])


def main():
    directory, garbage = sys.argv[1], "--garbage" in sys.argv[2:]
    csv.field_size_limit(1 << 24)
    rows = read(directory, "nodes")
    nodes = {n["Id"]: n for n in rows}
    equal("nodes: different Ids", len(nodes), len(rows))
    equal("nodes: first row", rows[0]["Id"], "ROOT")
    sizes = [n["Retained"] for n in rows]
    equal("nodes: order", sizes, sorted(sizes, reverse=True))
    types, memory = read(directory, "types"), read(directory, "memory")
    retained = check_graph(nodes, read(directory, "edges"))
    check_types(nodes, types, retained)
    check_memory(nodes, types, memory, garbage)
    check_roots(nodes, read(directory, "roots"))
    read(directory, "goroutines")
    if garbage:
        check_profile(directory, nodes, types)
    if complaints > MAX:
        print(f"... {complaints - MAX} more")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
