//go:build go1.24

package main

import (
	"runtime"
	"unsafe"
	"weak"
)

type CleanObj struct{ a, b int64 }
type CleanArg struct{ a, b int64 }
type CleanDead struct {
	child *CleanDeadChild
	n     int64
}
type CleanDeadChild struct{ a, b int64 }
type CleanDeadArg struct{ a, b int64 }
type CleanQueued struct{ a, b int64 }
type CleanQueuedArg struct{ a, b int64 }
type WeakLive struct{ a, b int64 }
type WeakDead struct{ a, b int64 }

var (
	gCleanObj *CleanObj
	gWeakLive weak.Pointer[WeakLive]
	gWeakKept *WeakLive
	gWeakDead weak.Pointer[WeakDead]
	gWeakIn   weak.Pointer[int64] // to the middle of an object
	gWeakGone weak.Pointer[WeakDead]
)

//go:noinline
func build124() {
	gCleanObj = &CleanObj{1, 2}
	a := &CleanArg{1, 2}
	runtime.AddCleanup(gCleanObj, func(a *CleanArg) { gSink += a.a }, a)
	rec("cleanup.obj", -1, unsafe.Pointer(gCleanObj), 16, "main.CleanObj", live, "global:main.gCleanObj", "")
	rec("cleanup.arg", -1, unsafe.Pointer(a), 16, "main.CleanArg", live, "cleanup", "")
	cnt("main.CleanObj", 1, 0)
	cnt("main.CleanArg", 1, 0)
	// These die at the first collection. Their cleanups are queued; in Go 1.24
	// behind the finalizers, later the first one runs and blocks.
	for i := 0; i < 4; i++ {
		queueCleanup(i)
	}
	cnt("main.CleanQueued", 0, 0)
	cnt("main.CleanQueuedArg", 4, 0)

	gWeakKept = &WeakLive{1, 2}
	gWeakLive = weak.Make(gWeakKept)
	gWeakIn = weak.Make(&gWeakKept.b)
	rec("weak.live", -1, unsafe.Pointer(gWeakKept), 16, "main.WeakLive", live, "global:main.gWeakKept", "")
	cnt("main.WeakLive", 1, 0)
	gWeakGone = makeWeak(nil)
}

//go:noinline
func queueCleanup(i int) {
	q := &CleanQueued{int64(i), 0}
	a := &CleanQueuedArg{int64(i), 1}
	rec("cleanup.queued.arg", i, unsafe.Pointer(a), 16, "main.CleanQueuedArg", live, "cleanupqueue", "")
	runtime.AddCleanup(q, blockCleanup, a)
}

//go:noinline
func blockCleanup(a *CleanQueuedArg) {
	gor("waiting", "chan receive", "main.blockCleanup")
	<-gNever
	runtime.KeepAlive(a)
}

//go:noinline
func makeWeak(name *string) weak.Pointer[WeakDead] {
	p := &WeakDead{1, 2}
	if name != nil {
		rec(*name, -1, unsafe.Pointer(p), 16, "main.WeakDead", dead, "none", "")
	}
	return weak.Make(p)
}

//go:noinline
func late124() {
	n := "weak.dead"
	gWeakDead = makeWeak(&n)
	cnt("main.WeakDead", 0, 1)
	for i := 0; i < 2; i++ {
		d := &CleanDead{&CleanDeadChild{int64(i), 1}, 2}
		a := &CleanDeadArg{int64(i), 3}
		rec("cleanup.dead", i, unsafe.Pointer(d), 16, "main.CleanDead", dead, "none", "")
		rec("cleanup.dead.child", i, unsafe.Pointer(d.child), 16, "main.CleanDeadChild", dead, "none", "")
		rec("cleanup.dead.arg", i, unsafe.Pointer(a), 16, "main.CleanDeadArg", live, "cleanup", "")
		runtime.AddCleanup(d, func(a *CleanDeadArg) { gSink += a.a }, a)
	}
	cnt("main.CleanDead", 0, 2)
	cnt("main.CleanDeadChild", 0, 2)
	cnt("main.CleanDeadArg", 2, 0)
}
