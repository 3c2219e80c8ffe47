package main

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

type FinLive struct{ a, b int64 }
type FinCap struct{ a, b int64 }
type FinQueued struct {
	child *FinQueuedChild
	n     int64
}
type FinQueuedChild struct{ a, b int64 }
type FinDead struct {
	child *FinDeadChild
	n     int64
}
type FinDeadChild struct{ a, b int64 }
type FinDeadCap struct{ a, b int64 }

var gFinLive *FinLive

//go:noinline
func buildFinalizers() {
	gFinLive = &FinLive{1, 2}
	c := &FinCap{1, 2}
	runtime.SetFinalizer(gFinLive, func(*FinLive) { gSink += c.a })
	rec("fin.live", -1, unsafe.Pointer(gFinLive), 16, "main.FinLive", live, "global:main.gFinLive", "")
	rec("fin.cap", -1, unsafe.Pointer(c), 16, "main.FinCap", live, "finalizer", "")
	cnt("main.FinLive", 1, 0)
	cnt("main.FinCap", 1, 0)
	// These die at the first collection: the finalizer of one of them blocks,
	// the others wait in the queue.
	for i := 0; i < 4; i++ {
		queueFinalizer(i)
	}
	cnt("main.FinQueued", 4, 0)
	cnt("main.FinQueuedChild", 4, 0)
}

//go:noinline
func queueFinalizer(i int) {
	q := &FinQueued{&FinQueuedChild{int64(i), 1}, int64(i)}
	rec("fin.queued", i, unsafe.Pointer(q), 16, "main.FinQueued", live, "finalizerqueue", "")
	rec("fin.queued.child", i, unsafe.Pointer(q.child), 16, "main.FinQueuedChild", live, "finalizerqueue", "")
	runtime.SetFinalizer(q, blockFinalizer)
}

//go:noinline
func blockFinalizer(q *FinQueued) {
	gor("waiting", "chan receive", "main.blockFinalizer")
	<-gNever
	runtime.KeepAlive(q)
}

// lateFinalizers leaves objects unreachable that have a finalizer: they are
// dead, what they point at is not.
//
//go:noinline
func lateFinalizers() {
	for i := 0; i < 3; i++ {
		d := &FinDead{&FinDeadChild{int64(i), 1}, int64(i)}
		c := &FinDeadCap{int64(i), 2}
		runtime.SetFinalizer(d, func(*FinDead) { gSink += c.a })
		rec("fin.dead", i, unsafe.Pointer(d), 16, "main.FinDead", dead, "none", "")
		rec("fin.dead.child", i, unsafe.Pointer(d.child), 16, "main.FinDeadChild", live, "finalizer", "")
		rec("fin.dead.cap", i, unsafe.Pointer(c), 16, "main.FinDeadCap", live, "finalizer", "")
	}
	cnt("main.FinDead", 0, 3)
	cnt("main.FinDeadChild", 3, 0)
	cnt("main.FinDeadCap", 3, 0)
}

type TimerCap struct{ a, b int64 }
type TimerLost struct{ a, b int64 }

var (
	gTimer  *time.Timer
	gTicker *time.Ticker
	gAfter  *time.Timer
)

//go:noinline
func buildTimers() {
	gTimer = time.NewTimer(1000 * time.Hour)
	gTicker = time.NewTicker(1000 * time.Hour)
	c := &TimerCap{1, 2}
	gAfter = time.AfterFunc(1000*time.Hour, func() { gSink += c.a })
	rec("timer.cap", -1, unsafe.Pointer(c), 16, "main.TimerCap", live, "global:main.gAfter", "")
	cnt("main.TimerCap", 1, 0)
	l := &TimerLost{1, 2}
	time.AfterFunc(1000*time.Hour, func() { gSink += l.a })
	rec("timer.lost", -1, unsafe.Pointer(l), 16, "main.TimerLost", live, "timer", "")
	cnt("main.TimerLost", 1, 0)
	rec("timer.global", -1, unsafe.Pointer(gTimer), unsafe.Sizeof(*gTimer), "time.Timer", live, "global:main.gTimer", "")
}

// lateTimers drops a timer that nobody waits for: from Go 1.23 on it is
// garbage, before that the timer heap keeps it.
//
//go:noinline
func lateTimers() {
	t := time.NewTimer(1000 * time.Hour)
	if timersCollectable {
		rec("timer.dropped", -1, unsafe.Pointer(t), unsafe.Sizeof(*t), "time.Timer", dead, "none", "")
	} else {
		rec("timer.dropped", -1, unsafe.Pointer(t), unsafe.Sizeof(*t), "time.Timer", live, "timer", "")
	}
}

type CtxVal struct{ a, b int64 }
type ctxKey struct{ n int }

var (
	gCtx    context.Context
	gCancel []context.CancelFunc
)

//go:noinline
func buildContexts() {
	ctx, cancel := context.WithCancel(context.Background())
	gCancel = append(gCancel, cancel)
	for i := 0; i < 4; i++ {
		v := &CtxVal{int64(i), 1}
		rec("ctx.val", i, unsafe.Pointer(v), 16, "main.CtxVal", live, "global:main.gCtx", "")
		ctx = context.WithValue(ctx, ctxKey{i}, v)
		ctx, cancel = context.WithTimeout(ctx, 1000*time.Hour)
		gCancel = append(gCancel, cancel)
	}
	gCtx = ctx
	cnt("main.CtxVal", 4, 0)
	done, cancelDone := context.WithCancel(ctx)
	cancelDone()
	<-done.Done()
}
