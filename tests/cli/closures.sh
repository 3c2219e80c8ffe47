#!/bin/sh
# SPDX-License-Identifier: MIT
# The variables of closures have types, and names where they can be known, also without a description (until Go 1.22).
. tests/cli/lib.sh

for release in 1.19 1.22 1.26 1.27; do
	core=testdata/snapshots/zoo-$release.core.gz
	exe=$(unpack "testdata/snapshots/zoo-$release.exe.gz")
	level=$("$HEAPCONV" -q "$core" -e "$exe" | sed -n 's/.*(\(L[0-3]\).*/\1/p' | head -n 1)
	[ "$level" = L0 ] || continue
	# FIELD TYPE lines of the closure that the program calls so
	fields() {
		"$HEAPCONV" -q "$core" -e "$exe" --view=object --format=text -o - \
			--target="$(sed -n "s/^closure name=$1 addr=\([^ ]*\).*/\1/p" "testdata/snapshots/zoo-$release.truth")" |
			sed -n 's/^ *+[0-9]* *\([^ ]*\) \([^ ]*\).*/\1 \2/p' | tr '\n' ';'
	}
	is "$release: captured by value" "$(fields closure.byval)" "F uintptr;p *main.CapByVal;X1 int64;X2 string;"
	is "$release: captured by reference" "$(fields closure.byref)" "F uintptr;&v *main.CapVarStruct;&r **main.CapByRef;"
	is "$release: in a closure" "$(fields closure.nested)" "F uintptr;c *main.CapNest;"
	like "$release: a method value" "$(fields closure.method)" '^F uintptr;R \*main\.Recv;$'
	like "$release: many" "$(fields closure.many)" '^F uintptr;X0 interface;(X1|a) [*]main.CapMany;.*X4 int8;s \[\][*]main.CapMany;$'
done
