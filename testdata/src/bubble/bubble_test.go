// A test binary, with goroutines, a channel and timers in a bubble of testing/synctest (Go 1.25).
package main

import (
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

type Held struct{ a, b, c int64 }
type OnTimer struct{ a, b int64 }

func TestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gMode = "wait"
		truthHeader("bubble")
		done := make(chan *Held)
		for i := 0; i < 20; i++ {
			go hold(i, done)
		}
		on := &OnTimer{1, 2}
		time.AfterFunc(time.Hour, func() { on.a++ })
		rec("timer", -1, unsafe.Pointer(on), 16, "heapconv.test/bubble.OnTimer", live, "timer", "")
		synctest.Wait()
		cnt("heapconv.test/bubble.Held", 20, 0)
		runtime.GC()
		truthEnd(createFile(os.Getenv("TRUTH")))
		for gSpin = true; gSpin; {
		}
		<-done
	})
}

var gSpin bool

//go:noinline
func hold(i int, done chan *Held) {
	h := &Held{int64(i), 1, 2}
	rec("held", i, unsafe.Pointer(h), 24, "heapconv.test/bubble.Held", live, "stack:main.hold.h", "")
	done <- h
}
