#!/bin/sh
# SPDX-License-Identifier: MIT
# The goroutine profile of a dead process is the one that it would have written itself a moment before: stacks, how many
# goroutines have each, and labels. Times and durations are read as the program printed them.
. tests/cli/lib.sh

for tool in go gcore; do
	command -v $tool > /dev/null || { skip "goroutine profile" "$tool is not installed"; exit 0; }
done
mkdir "$T/src"
cat > "$T/src/main.go" << 'END'
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"sync"
	"time"
)

type Stamp struct {
	At   time.Time
	Wait time.Duration
}

var stamp *Stamp

//go:noinline
func work(ch chan int) { <-ch }

//go:noinline
func deep(n int, ch chan int) {
	if n == 0 {
		work(ch)
		return
	}
	deep(n-1, ch)
}

func main() {
	stamp = &Stamp{time.Now(), 90*time.Second + 5*time.Millisecond}
	var mu sync.Mutex
	mu.Lock()
	for i := 0; i < 12; i++ {
		go work(make(chan int))
		go deep(i%3, make(chan int))
	}
	for i := 0; i < 5; i++ {
		go func() { mu.Lock() }()
	}
	pprof.Do(context.Background(), pprof.Labels("tenant", "acme"), func(context.Context) {
		for i := 0; i < 3; i++ {
			go func() { time.Sleep(time.Hour) }()
		}
	})
	time.Sleep(200 * time.Millisecond)
	f, _ := os.Create(os.Args[1])
	pprof.Lookup("goroutine").WriteTo(f, 0)
	f.Close()
	fmt.Println(stamp.At.UTC().Format("2006-01-02 15:04:05.000000000 UTC"))
	fmt.Println("ready")
	select {}
}
END
(cd "$T/src" && GO111MODULE=off GOFLAGS= go build -o ../prog .) > "$T/build" 2>&1 || {
	flunk "the program is built" "$(cat "$T/build")"; exit 0; }
"$T/prog" "$T/live.pb.gz" > "$T/out" 2>&1 &
pid=$!
tries=0
until grep -q ready "$T/out" || [ $tries -ge 60 ]; do sleep 1; tries=$((tries + 1)); done
gcore -o "$T/core" $pid > "$T/gcore" 2>&1
kill $pid
[ -s "$T/core.$pid" ] || { skip "goroutine profile" "gcore did not work"; exit 0; }
"$HEAPCONV" -q "$T/core.$pid" -e "$T/prog" --view=goroutines -o "$T/dead.pb.gz" 2> "$T/err"
# "12 runtime.gopark runtime.chanrecv ... main.work": all but the goroutine that wrote the profile.
stacks() {
	go tool pprof -sample_index=0 -traces "$1" 2> /dev/null | awk '
		/^-+\+-/ { if (on && n) print count, stack; on = 1; n = 0; stack = ""; next }
		!on { next }
		/: / { next }
		{ sub(/ \(inline\)/, "") }
		n++ == 0 { count = $1; $1 = "" }
		{ for (i = 1; i <= NF; i++) if ($i != "") stack = stack " " $i }
		END { if (n) print count, stack }' | grep -v ' main\.main runtime\.main$' | sort
}
stacks "$T/live.pb.gz" > "$T/live"
stacks "$T/dead.pb.gz" > "$T/dead"
ok "the program's own profile has stacks" grep -q 'main.deep' "$T/live"
is "stacks and how many goroutines have each" "$(cat "$T/dead")" "$(cat "$T/live")"
tag() { go tool pprof -sample_index=0 -tags "$1" 2> /dev/null | grep -A2 'tenant:' | grep -c '3.*: acme'; }
is "labels" "$(tag "$T/dead.pb.gz")" "$(tag "$T/live.pb.gz")"
stamp=$("$HEAPCONV" -q "$T/core.$pid" -e "$T/prog" --target=main.stamp)
like "a time of the clock" "$stamp" "At time\.Time +$(head -n 1 "$T/out")\$"
like "a duration" "$stamp" 'Wait time\.Duration +1m30\.005s$'
