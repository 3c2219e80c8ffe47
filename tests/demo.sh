#!/bin/sh
# SPDX-License-Identifier: MIT
# `make demo`: converts a bundled core of a real Go server that leaks, shows the page, and says how to go on.
set -eu
BUILD=${BUILD:-build/release}
out=$BUILD/demo
mkdir -p "$out"
core=$(ls testdata/snapshots/leak-*.core.gz | head -n 1)
exe=$(ls testdata/snapshots/leak-*.exe.gz | head -n 1)
gzip -dc "$exe" > "$out/leak" && chmod +x "$out/leak"
echo "\$ heapconv $core --exe $out/leak"
echo
"$BUILD/heapconv" "$core" --exe "$out/leak" || [ $? -eq 3 ]
"$BUILD/heapconv" -q "$core" --exe "$out/leak" -o "$out/heap.pb.gz" --types-dir "$out/types" || [ $? -eq 3 ]
echo
echo "written: $out/heap.pb.gz"
echo "open it: go tool pprof -http=: $out/heap.pb.gz"
echo "paths:   $BUILD/heapconv $core --exe $out/leak --target=main.Page --view=paths"
echo "fields:  go tool pprof -source_path=$out/types -list 'main\\.' $out/heap.pb.gz"
