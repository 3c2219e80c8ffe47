// Command zoo builds one of everything that a Go heap can hold, writes down
// what it built (the truth), and then waits to be dumped or crashes.
//
//	zoo MODE TRUTH [DUMP]
//
// MODE is one of
//
//	wait   write the truth and block
//	panic  then dereference nil
//	abort  then raise SIGABRT
//	spin   main itself keeps running on the only P, while new goroutines never
//	       get to run: for GOMAXPROCS=1 and GODEBUG=asyncpreemptoff=1
//	gc     collect garbage for ever
//
// TRUTH is the file for the truth; when its last line, "end", is there,
// everything is in place. DUMP is the file for debug.WriteHeapDump. The format
// of the truth is described in testdata/README.md.
//
// The program stays away from fmt and net: its executables are committed.
package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

func main() {
	runtime.MemProfileRate = 0
	gMode = "wait"
	if len(os.Args) > 1 {
		gMode = os.Args[1]
	}
	switch gMode {
	case "wait", "panic", "abort", "spin", "gc":
	default:
		println("usage: zoo wait|panic|abort|spin|gc TRUTH [DUMP]")
		os.Exit(2)
	}
	truthHeader("zoo")

	// What exists before the last collection.
	buildLists()
	buildMaps()
	buildSlices()
	buildIfaces()
	buildFuncs()
	buildChans()
	buildSyncs()
	buildStrings()
	buildStatics()
	buildBig()
	buildReflect()
	buildProfiled()
	buildFinalizers()
	buildTimers()
	buildContexts()
	build118()
	build119()
	build121()
	build123()
	build124()
	startGoroutines()
	time.Sleep(150 * time.Millisecond)

	runtime.GC()
	time.Sleep(50 * time.Millisecond) // the finalizer goroutine blocks in its first call
	poolVictims()
	runtime.GC()
	debug.SetGCPercent(-1)

	// What changes after it: nothing is collected any more.
	poolPuts()
	lateMaps()
	lateChans()
	lateBig()
	lateTimers()
	lateFinalizers()
	late124()
	lateGoroutines()
	makeGarbage()
	time.Sleep(100 * time.Millisecond)
	truthFD, dumpFD := create(2), create(3)
	if gMode == "spin" {
		startRunnable()
	}

	// From here on nothing is allocated.
	if dumpFD >= 0 {
		debug.WriteHeapDump(uintptr(dumpFD))
		syscall.Close(dumpFD)
	}
	truthEnd(truthFD)
	finish()
}

//go:noinline
func finish() {
	h := gMainHeld
	gMainHeld = nil // from here on only the local keeps it
	switch gMode {
	case "panic":
		crashNil(nil)
	case "abort":
		syscall.Kill(syscall.Getpid(), syscall.SIGABRT)
		for gSpinStop == 0 { // in which h is alive
		}
	case "spin":
		for gSpinStop == 0 {
			gSpinCount++
		}
	}
	if gMode == "gc" {
		for gSpinStop == 0 {
			gChurn = garbageNodes(20000)
			gChurn = nil
			runtime.GC()
		}
	}
	<-gNever
	runtime.KeepAlive(h)
}

type MainHeld struct {
	leaf *MainHeldLeaf
	n    int64
}

type MainHeldLeaf struct{ n, m int64 }

var (
	gMainHeld  = newMainHeld()
	gNever     = make(chan struct{}) // nobody ever sends
	gSpinStop  uint32
	gSpinCount uint64
	gChurn     *GarbageNode
)

//go:noinline
func newMainHeld() *MainHeld {
	return &MainHeld{leaf: &MainHeldLeaf{n: 1}, n: 2}
}

//go:noinline
func crashNil(p *int64) {
	*p = 1
}
