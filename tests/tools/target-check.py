#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Answers questions about objects by brute force, and compares.

    target-check.py HEAPCONV SNAPSHOT EXECUTABLE DIR

DIR has nodes.csv and edges.csv of the snapshot. For some objects: which roots reach it, and how far away the nearest one
is (--view=paths); what nobody reaches any more without one pointer (--target=ADDR+OFFSET), and without the object
(Retained). Prints one line per complaint.
"""
import collections
import csv
import re
import subprocess
import sys

SAMPLES = 6


def ask(*args):
    run = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if run.returncode not in (0, 3):
        print(f"{' '.join(args)}: {run.stderr}")
    return run.stdout


def reach(out, without_node=None, without_edge=None):
    seen, queue = {"ROOT"}, ["ROOT"]
    while queue:
        n = queue.pop()
        for target, offset in out[n]:
            if target in seen or target == without_node or (n, offset) == without_edge:
                continue
            seen.add(target)
            queue.append(target)
    return seen


def anchors(back, kinds, target):
    """Distance by root: references between objects backwards, a root ends the way."""
    far, found, queue = {target: 0}, {}, collections.deque([target])
    while queue:
        n = queue.popleft()
        for source in back[n]:
            if source in far:
                continue
            far[source] = far[n] + 1
            if kinds[source] == "object":
                queue.append(source)
            else:
                found[source] = far[source]
    return found


def text_bytes(n):
    unit = 0
    while n >= 1024 and unit < 4:
        n /= 1024
        unit += 1
    return f"{n:.1f} {['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}" if unit else f"{n} B"


def main():
    heapconv, snapshot, exe, directory = sys.argv[1:5]
    csv.field_size_limit(1 << 24)
    with open(f"{directory}/nodes.csv", encoding="utf-8", newline="") as f:
        nodes = {n["Id"]: n for n in csv.DictReader(f)}
    kinds = {name: n["Kind"] for name, n in nodes.items()}
    out, back, wide = collections.defaultdict(list), collections.defaultdict(list), []
    with open(f"{directory}/edges.csv", encoding="utf-8", newline="") as f:
        for e in csv.DictReader(f):
            out[e["Source"]].append((e["Target"], int(e["SrcOffset"])))
            back[e["Target"]].append(e["Source"])
            if e["Weight"] == "1" and kinds[e["Source"]] == kinds[e["Target"]] == "object":
                wide.append((e["Source"], e["Target"], int(e["SrcOffset"])))
    objects = [name for name, kind in kinds.items() if kind == "object"]
    everything = reach(out)

    for name in objects[:: len(objects) // SAMPLES]:
        rows = list(csv.DictReader(ask(heapconv, "-q", snapshot, "-e", exe, f"--target={name}", "--format=csv",
                                       "--view=paths").splitlines()))
        said = {r["Id"]: int(r["Hop"]) for r in rows if r["Path"] == "root"}
        true = anchors(back, kinds, name)
        if said != true:
            print(f"{name}: roots that reach it: {len(said)}, by brute force {len(true)}: "
                  f"{sorted(set(said.items()) ^ set(true.items()))[:4]}")
        last = [r for r in rows if r["Path"] == "1"]
        if len(last) - 1 != min(true.values()):
            print(f"{name}: shortest path has {len(last) - 1} references, by brute force {min(true.values())}")
        for a, b in zip(last, last[1:]):
            if b["Id"] not in [target for target, _ in out[a["Id"]]]:
                print(f"{name}: its path goes from {a['Id']} to {b['Id']}, where no reference is")
        lost = everything - reach(out, without_node=name)
        size = sum(int(nodes[n]["Size"]) for n in lost)
        if size != int(nodes[name]["Retained"]):
            print(f"{name}: Retained {nodes[name]['Retained']}, by brute force {size}")

    # Pointers of large objects first: behind these much may hang.
    wide.sort(key=lambda e: (-int(nodes[e[1]]["Retained"]), e))
    for source, _, offset in wide[:: len(wide) // SAMPLES] + wide[:3]:
        page = ask(heapconv, "-q", snapshot, "-e", exe, f"--target={source}+{offset}")
        said = re.search(r"Without \S+: (?:(.*) would be garbage; objects: ([0-9,]+)|nothing would be freed)", page)
        lost = everything - reach(out, without_edge=(source, offset))
        size = sum(int(nodes[n]["Size"]) for n in lost)
        got = (said.group(1), int(said.group(2).replace(",", ""))) if said and said.group(1) else (None, 0)
        if not said or got != (text_bytes(size) if lost else None, len(lost)):
            print(f"{source}+{offset}: {got}, by brute force {text_bytes(size)} in {len(lost)} objects")


if __name__ == "__main__":
    main()
