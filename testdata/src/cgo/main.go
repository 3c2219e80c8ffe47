// Command cgo waits with goroutines inside C functions, C threads inside Go
// functions, and Go objects that only these keep.
//
//	cgo MODE TRUTH [DUMP]
//
// MODE is wait, panic (dereference nil) or abort (raise SIGABRT).
package main

/*
#cgo LDFLAGS: -lpthread
#include "sleep.h"
*/
import "C"

import (
	"os"
	"runtime"
	"runtime/cgo"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

type CHeld struct {
	leaf *CHeldLeaf
	n    int64
}
type CHeldLeaf struct{ a, b int64 }
type CArg struct{ a, b int64 }      // its address is an argument of the C function
type CBackHeld struct{ a, b int64 } // held by the Go side of the callback
type COuter struct{ a, b int64 }    // held by the Go function below the C frames
type CThread struct{ a, b int64 }   // held by a callback on a thread of C's
type CHandled struct{ a, b int64 }  // behind a cgo.Handle
type CGarbage struct{ a, b int64 }  // nothing refers to it
type CList struct {
	next *CList
	n    int64
}

var (
	never   = make(chan struct{})
	gList   *CList
	gHandle cgo.Handle
	gSink   int64
	gCMem   unsafe.Pointer // from malloc: not in Go's heap
	gEsc    unsafe.Pointer
	gIn     sync.WaitGroup
)

//go:noinline
func newHeld() *CHeld {
	h := &CHeld{&CHeldLeaf{1, 2}, 3}
	rec("c.held", -1, unsafe.Pointer(h), 16, "main.CHeld", live, "stack:main.gorSleep.h", "")
	rec("c.held.leaf", -1, unsafe.Pointer(h.leaf), 16, "main.CHeldLeaf", live, "stack:main.gorSleep.h", "")
	return h
}

//go:noinline
func gorSleep() {
	h := newHeld()
	gor("syscall", "", "main.gorSleep")
	gIn.Done()
	C.heapconv_sleep()
	gSink += h.n
	runtime.KeepAlive(h)
}

//go:noinline
func newArg() *CArg {
	p := &CArg{1, 2}
	gEsc = unsafe.Pointer(p)
	gEsc = nil
	rec("c.arg", -1, unsafe.Pointer(p), 16, "main.CArg", live, "stack:main.gorArg", "")
	return p
}

//go:noinline
func gorArg() {
	p := newArg()
	gor("syscall", "", "main.gorArg")
	gIn.Done()
	C.heapconv_sleep_with(unsafe.Pointer(p))
	runtime.KeepAlive(p)
}

//go:noinline
func newOuter() *COuter {
	p := &COuter{1, 2}
	rec("c.outer", -1, unsafe.Pointer(p), 16, "main.COuter", live, "stack:main.gorCallback.o", "")
	return p
}

//go:noinline
func gorCallback() {
	o := newOuter()
	C.heapconv_call_back(1)
	gSink += o.a
	runtime.KeepAlive(o)
}

//go:noinline
func newBack(id int) (*CBackHeld, *CThread) {
	if id == 1 {
		p := &CBackHeld{1, 2}
		rec("c.back", -1, unsafe.Pointer(p), 16, "main.CBackHeld", live, "stack:main.goBack.b", "")
		return p, nil
	}
	p := &CThread{1, 2}
	rec("c.thread", -1, unsafe.Pointer(p), 16, "main.CThread", live, "stack:main.goBack.t", "")
	return nil, p
}

//export goBack
func goBack(id C.int) {
	b, t := newBack(int(id))
	if id == 1 {
		gor("waiting", "chan receive", "main.goBack")
	} else {
		gor("waiting", "chan receive", "main.goBack")
	}
	gIn.Done()
	<-never
	runtime.KeepAlive(b)
	runtime.KeepAlive(t)
}

//go:noinline
func garbage() {
	for i := 0; i < 10; i++ {
		p := &CGarbage{int64(i), 1}
		gEsc = unsafe.Pointer(p)
		rec("c.garbage", i, unsafe.Pointer(p), 16, "main.CGarbage", dead, "none", "")
	}
	gEsc = nil
	cnt("main.CGarbage", 0, 10)
}

func main() {
	gMode = "wait"
	if len(os.Args) > 1 {
		gMode = os.Args[1]
	}
	truthHeader("cgo")
	for i := 0; i < 100; i++ {
		gList = &CList{gList, int64(i)}
	}
	cnt("main.CList", 100, 0)
	h := &CHandled{1, 2}
	gHandle = cgo.NewHandle(h)
	rec("c.handled", -1, unsafe.Pointer(h), 16, "main.CHandled", live, "global:runtime/cgo.handles", "")
	h = nil
	gCMem = C.heapconv_memory(1000)
	gIn.Add(4)
	go gorSleep()
	go gorArg()
	go gorCallback()
	C.heapconv_thread(2)
	gIn.Wait()
	for _, t := range []string{"main.CHeld", "main.CHeldLeaf", "main.CArg", "main.COuter", "main.CBackHeld",
		"main.CThread", "main.CHandled"} {
		cnt(t, 1, 0)
	}
	time.Sleep(100 * time.Millisecond)
	runtime.GC()
	runtime.GC()
	debug.SetGCPercent(-1)
	garbage()
	truthFD, dumpFD := create(2), create(3)
	if dumpFD >= 0 {
		debug.WriteHeapDump(uintptr(dumpFD))
		syscall.Close(dumpFD)
	}
	truthEnd(truthFD)
	switch gMode {
	case "panic":
		var p *CArg
		p.a = 1
	case "abort":
		syscall.Kill(syscall.Getpid(), syscall.SIGABRT)
	}
	<-never
}
