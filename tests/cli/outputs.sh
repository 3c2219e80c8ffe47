#!/bin/sh
# SPDX-License-Identifier: MIT
# The outputs of a real core, and what reads them.
. tests/cli/lib.sh

core=$(unpack testdata/snapshots/leak-1.26.core.gz)
exe=$(unpack testdata/snapshots/leak-1.26.exe.gz)
run() { "$HEAPCONV" -q "$core" -e "$exe" "$@"; }

ok "--help" sh -c "\"$HEAPCONV\" --help | grep -q 'usage: heapconv'"
like "--version" "$("$HEAPCONV" --version)" '^heapconv [0-9]+\.[0-9]+'
page=$(run)
like "the page names the Go release" "$page" 'go1\.26'
like "the page says that the counters agree" "$page" 'HeapObjects .*equal'
like "the page names the culprit" "$page" 'main\.Page'
run --view=nodes --format=csv -o - > "$T/nodes"
# In the table: objects below the virtual root, a kind of roots, or a package.
is "the page tells of all that several roots keep together" \
	"$(printf '%s\n' "$page" | awk '/Kept by several at once/ { on = 1 } on && /\(all\)/ { gsub(",", ""); print $4 }')" \
	"$(awk -F, '{ idom[$1] = $(NF - 4); kind[$1] = $(NF - 3); depth[$1] = $(NF - 5) }
		END { for (id in idom) {
			if (id !~ /^0x/ || !idom[id]) continue
			for (r = id; r ~ /^0x/; r = idom[r]) continue
			n += kind[r] == "shared" || depth[r] == 1 && kind[r] == "goroutine" || depth[r] <= 2 && kind[r] == "global"
		} print n }' "$T/nodes")"
like "and of the variable that it is nearest to" "$page" ' 2,[0-9]* +main\.server$'
rm "$T/nodes"
ok "gzip'd core gives the same page" sh -c "\"$HEAPCONV\" -q testdata/snapshots/leak-1.26.core.gz -e '$exe' |
	sed 's/snapshot .*//' > '$T/gz'; \"$HEAPCONV\" -q '$core' -e '$exe' | sed 's/snapshot .*//' | cmp - '$T/gz'"

run -o "$T/listed.pb.gz" --types-dir "$T/types"
run -o "$T/a.pb.gz" -o "$T/a.folded" -o "$T/a.pb" > "$T/stdout"
is "several outputs in one run, nothing on standard output" "$? $(ls "$T" | tr '\n' ' ')$(cat "$T/stdout")" \
	"0 a.folded a.pb a.pb.gz gz listed.pb.gz stdout types "
run -o "$T/b.pb.gz" -o "$T/b.folded"
ok "the same bytes on a second run (pprof)" cmp "$T/a.pb.gz" "$T/b.pb.gz"
ok "the same bytes on a second run (folded)" cmp "$T/a.folded" "$T/b.folded"
ok ".pb is the .pb.gz without gzip" sh -c "gzip -dc '$T/a.pb.gz' | cmp - '$T/a.pb'"
run --format=pprof -o - > "$T/c.pb.gz"
is "formats are known by their suffix, too" "$(run --view=memory --format=txt -o - | cksum)" \
	"$(run --view=memory --format=text -o - | cksum)"
ok "-o - writes to standard output" sh -c "gzip -dc '$T/c.pb.gz' | cmp - '$T/a.pb'"

objects=$(run --dump=stats | sed -n 's/^objects \([0-9]*\) bytes \([0-9]*\) .*/\1 \2/p')
folded=$(awk '{ s += $NF } END { print s }' "$T/a.folded")
live=$(run --dump=stats | awk '/^ledger heap.live / { s += $3 } /^ledger heap.slack / { s += $3 } /^ledger heap.garbage / { s += $3 } END { print s }')
is "folded stacks add up to the objects of the ledger" "$folded" "$live"
if command -v go >/dev/null; then
	pprof="go tool pprof"
	raw=$($pprof -raw "$T/a.pb.gz" 2>/dev/null)
	sums=$(printf '%s\n' "$raw" | awk '/^Samples:/ { on = 1; next } /^Locations/ { on = 0 }
		on && /^ +[0-9]/ { sub(/:.*/, ""); n += $1; b += $4 } END { print n, b }')
	is "pprof samples add up to the ledger" "$sums" "$objects"
	ok "pprof -top" sh -c "$pprof -top '$T/a.pb.gz' 2>/dev/null | grep -q main.Page"
	ok "pprof -top -cum" sh -c "$pprof -top -cum '$T/a.pb.gz' 2>/dev/null | grep -q '(globals)'"
	ok "pprof -list with the type listing" sh -c "$pprof -source_path='$T/types' -list 'main.Page\$' '$T/listed.pb.gz' 2>/dev/null | grep -q 'struct {'"
	ok "pprof -peek" sh -c "$pprof -peek 'main.Page\$' '$T/a.pb.gz' >/dev/null 2>&1"
	ok "pprof -traces" sh -c "$pprof -traces '$T/a.pb.gz' >/dev/null 2>&1"
	ok "pprof -proto" sh -c "$pprof -proto -output '$T/p.pb.gz' '$T/a.pb.gz' >/dev/null 2>&1"
	is "pprof -diff_base with itself is empty" \
		"$($pprof -top -diff_base "$T/a.pb.gz" "$T/a.pb.gz" 2>/dev/null | awk 'f && NF { n++ } /flat%/ { f = 1 } END { print n + 0 }')" 0
	if command -v dot >/dev/null; then
		ok "pprof -dot is laid out" sh -c "$pprof -dot '$T/a.pb.gz' 2>/dev/null | dot -Tsvg >/dev/null"
	else
		skip "pprof -dot is laid out" "dot is not installed"
	fi
else
	skip "what pprof reads" "go is not installed"
fi
ok "leakcheck finds the leak" sh -c "! \"$BUILD/leakcheck\" '$core' main.Page 10 '$exe'"
ok "leakcheck passes where nothing leaks" sh -c "\"$BUILD/leakcheck\" '$core' main.Page 1000000 '$exe'"
