//go:build go1.23

package main

import (
	"iter"
	"runtime"
	"unique"
	"unsafe"
)

const timersCollectable = true

type UniqKey struct {
	s string
	n [2]int64
}
type CoroObj struct{ a, b int64 }
type CoroElem struct{ a, b int64 }

var (
	gUniq    [10]unique.Handle[UniqKey]
	gUniqStr unique.Handle[string]
	gPull    func() (*CoroElem, bool)
	gStop    func()
	gPulled  *CoroElem
)

//go:noinline
func build123() {
	for i := range gUniq {
		gUniq[i] = unique.Make(UniqKey{s: mkstr("a-unique-key-number-", i, 3)})
		rec("unique", i, *(*unsafe.Pointer)(unsafe.Pointer(&gUniq[i])), unsafe.Sizeof(UniqKey{}), "main.UniqKey", live, "global:main.gUniq", "")
	}
	cnt("main.UniqKey", 10, 0)
	gUniqStr = unique.Make(mkstr("a-unique-string-", 1, 5))
}

// startCoroutine leaves an iterator in the middle: its goroutine waits in a
// coroutine switch.
//
//go:noinline
func startCoroutine() {
	gPull, gStop = iter.Pull(sequence)
	gPulled, _ = gPull()
	cnt("main.CoroObj", 1, 0)
	cnt("main.CoroElem", 1, 0)
	rec("coro.elem", -1, unsafe.Pointer(gPulled), 16, "main.CoroElem", live, "global:main.gPulled", "")
}

//go:noinline
func sequence(yield func(*CoroElem) bool) {
	o := &CoroObj{1, 2}
	escape(unsafe.Pointer(o))
	rec("coro.obj", -1, unsafe.Pointer(o), 16, "main.CoroObj", live, "stack:main.sequence.o", "")
	gor("waiting", "coroutine", "main.sequence")
	for yield(&CoroElem{o.a, 3}) {
	}
	runtime.KeepAlive(o)
}
