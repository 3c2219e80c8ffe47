#!/bin/sh
# SPDX-License-Identifier: MIT
# Heap dumps of releases older than any whose cores can be read: the same records, so the same live set as an independent
# marker finds, and types from debug information. Runs for the releases in GO_OLD_RELEASES, as 1.9.7 1.13.15 1.16.15.
. tests/cli/lib.sh

[ -n "${GO_OLD_RELEASES:-}" ] || { skip "heap dumps of old releases" "GO_OLD_RELEASES names none"; exit 0; }
ok "the heap dump marker builds" ${CC:-cc} -O2 -o "$T/heapdump-live" tests/tools/heapdump-live.c
cat > "$T/main.go" <<'GO'
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

type Node struct {
	next *Node
	name string
	data []byte
	m    map[string]*Node
	any  interface{}
}

var head *Node

func main() {
	for i := 0; i < 1000; i++ {
		head = &Node{next: head, name: fmt.Sprint("node", i), data: make([]byte, 100), any: i}
		head.m = map[string]*Node{"x": head}
	}
	ch := make(chan *Node)
	go func(n *Node) { ch <- n }(head)
	runtime.Gosched()
	runtime.SetFinalizer(head.next, func(n *Node) {})
	for n := 0; n < 100; n++ {
		_ = fmt.Sprint("garbage", n)
	}
	file, _ := os.Create(os.Args[1])
	debug.WriteHeapDump(file.Fd())
}
GO

live() { # OBJECTS...: their addresses
	awk '$3 == "live" { print $1 }' "$@" | sort
}

for release in $GO_OLD_RELEASES; do
	root=$(GOENV=off GOFLAGS='' GOTOOLCHAIN=go$release go env GOROOT 2> "$T/err") || root=
	if [ ! -x "$root/bin/go" ]; then
		skip "go $release" "there is no such toolchain: $(tail -n 1 "$T/err")"
		continue
	fi
	ok "go $release: builds" env GOENV=off GOTOOLCHAIN=local GOROOT="$root" GO111MODULE=off GOFLAGS= "$root/bin/go" build \
		-o "$T/program" "$T/main.go"
	ok "go $release: writes a heap dump" "$T/program" "$T/heapdump"
	"$T/heapdump-live" "$T/heapdump" > "$T/marked"
	live "$T/marked" > "$T/want"
	for exe in "" "$T/program"; do
		"$HEAPCONV" -q "$T/heapdump" ${exe:+-e "$exe"} --dump=objects > "$T/objects" 2> "$T/err"
		live "$T/objects" > "$T/got"
		is "go $release${exe:+, with executable}: $(wc -l < "$T/got") objects are alive, as the marker says" \
			"$(diff "$T/want" "$T/got")" ""
	done
	is "go $release: the ledger agrees with the dumped MemStats" \
		"$("$HEAPCONV" -q "$T/heapdump" -e "$T/program" --dump=stats | awk '/^check/ { print $2, $NF }' | tr '\n' ' ')" \
		"HeapObjects 0 HeapAlloc 0 "
	is "go $release: no type has a wrong name" "$(awk '{ print $NF }' "$T/objects" | grep -c '^?')" 0
	# Until Go 1.10 debug information does not say which descriptors its types are.
	case $release in 1.[789]|1.[789].*|1.10|1.10.*) continue ;; esac
	is "go $release: objects of main.Node" "$(grep -c ' live .* main\.Node$' "$T/objects")" 1000
done
