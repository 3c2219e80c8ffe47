package main

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// One type for each way in which a goroutine can hold an object.

type HeldLeaf struct{ a, b int64 }
type HeldRecv struct {
	leaf *HeldLeaf
	n    int64
}
type HeldSend struct {
	leaf *HeldLeaf
	n    int64
}
type SendElem struct{ a, b int64 }
type SendVal struct {
	leaf *SendValLeaf
	n    int64
}
type SendValLeaf struct{ a, b int64 }
type HeldSelect struct{ a, b int64 }
type SelectElem struct{ a, b int64 }
type HeldMutex struct{ a, b int64 }
type HeldRW struct{ a, b int64 }
type HeldSleep struct{ a, b int64 }
type HeldCond struct{ a, b int64 }
type HeldWG struct{ a, b int64 }
type HeldNilChan struct{ a, b int64 }
type HeldEmptySelect struct{ a, b int64 }
type HeldLocked struct{ a, b int64 }
type HeldSyscall struct{ a, b int64 }
type HeldIO struct{ a, b int64 }
type HeldBusy struct {
	n    int64
	leaf *HeldBusyLeaf
}
type HeldBusyLeaf struct{ a, b int64 }
type HeldBusyLocal struct{ a, b int64 }
type DeepObj struct {
	n    int64
	leaf *DeepLeaf
}
type DeepLeaf struct{ a, b int64 }
type DeepVia struct{ a, b int64 }
type HeldArg struct{ a, b int64 }
type HeldBigArg struct{ a, b int64 }
type HeldVariadic struct{ a, b int64 }
type HeldIface struct{ a, b int64 }
type HeldStr struct{ a, b int64 }
type HeldInterior struct {
	pad [12]int64
	in  [4]int64
}
type DeferOpen struct{ a, b int64 }
type DeferLoop struct{ a, b int64 }
type DeferArg struct{ a, b int64 }
type DeferMethod struct{ a, b int64 }
type PanicObj struct{ a, b int64 }
type PanicInner struct{ a, b int64 }
type GoexitHeld struct{ a, b int64 }
type GoArg struct{ a, b int64 }
type GoCap struct{ a, b int64 }
type RangeElem struct {
	p *RangeLeaf
	n int64
}
type RangeLeaf struct{ a, b int64 }

type leafHolder struct { // a stack object
	p   *DeepVia
	n   [3]int64
	end *DeepVia
}

var (
	gSink      int64
	gBusyStop  uint32
	gSelSend   = make(chan *SelectElem)
	gSelRecv   = make(chan int)
	gSendCh    = make(chan *SendElem)
	gSendValCh = make(chan SendVal)
	gPipe      [2]int
	gPipeR     *os.File
	gPipeW     *os.File
)

func (d *DeferMethod) Done() { gSink += d.a }

//go:noinline
func newHeldLeaf() *HeldLeaf { return &HeldLeaf{1, 2} }

//go:noinline
func gorRecv() {
	h := &HeldRecv{newHeldLeaf(), 1}
	escape(unsafe.Pointer(h))
	rec("held.recv", -1, unsafe.Pointer(h), 16, "main.HeldRecv", live, "stack:main.gorRecv.h", "")
	rec("held.recv.leaf", -1, unsafe.Pointer(h.leaf), 16, "main.HeldLeaf", live, "stack:main.gorRecv.h", "")
	gor("waiting", "chan receive", "main.gorRecv")
	<-gNever
	runtime.KeepAlive(h)
}

var gEscape unsafe.Pointer

// escape makes what p points at live in the heap.
//
//go:noinline
func escape(p unsafe.Pointer) {
	gEscape = p
	gEscape = nil
}

//go:noinline
func gorSend() {
	h := &HeldSend{newHeldLeaf(), 1}
	escape(unsafe.Pointer(h))
	rec("held.send", -1, unsafe.Pointer(h), 16, "main.HeldSend", live, "stack:main.gorSend.h", "")
	e := &SendElem{1, 2}
	rec("send.elem", -1, unsafe.Pointer(e), 16, "main.SendElem", live, "stack:main.gorSend", "via=stackobject")
	gor("waiting", "chan send", "main.gorSend")
	gSendCh <- e
	runtime.KeepAlive(h)
}

//go:noinline
func gorSendVal() {
	l := &SendValLeaf{1, 2}
	rec("sendval.leaf", -1, unsafe.Pointer(l), 16, "main.SendValLeaf", live, "stack:main.gorSendVal", "via=stackobject")
	gor("waiting", "chan send", "main.gorSendVal")
	gSendValCh <- SendVal{l, 7}
}

//go:noinline
func gorSelect() {
	h := &HeldSelect{1, 2}
	escape(unsafe.Pointer(h))
	rec("held.select", -1, unsafe.Pointer(h), 16, "main.HeldSelect", live, "stack:main.gorSelect.h", "")
	e := &SelectElem{1, 2}
	rec("select.elem", -1, unsafe.Pointer(e), 16, "main.SelectElem", live, "stack:main.gorSelect", "via=stackobject")
	gor("waiting", "select", "main.gorSelect")
	select {
	case <-gNever:
	case gSelSend <- e:
	case v := <-gSelRecv:
		gSink += int64(v)
	}
	runtime.KeepAlive(h)
}

//go:noinline
func gorMutex() {
	h := &HeldMutex{1, 2}
	escape(unsafe.Pointer(h))
	rec("held.mutex", -1, unsafe.Pointer(h), 16, "main.HeldMutex", live, "stack:main.gorMutex.h", "")
	gor("waiting", "mutex", "main.gorMutex")
	gMuHeld.Lock()
	runtime.KeepAlive(h)
}

//go:noinline
func gorRW() {
	h := &HeldRW{1, 2}
	escape(unsafe.Pointer(h))
	rec("held.rwmutex", -1, unsafe.Pointer(h), 16, "main.HeldRW", live, "stack:main.gorRW.h", "")
	gor("waiting", "rwmutex", "main.gorRW")
	gRW.RLock()
	runtime.KeepAlive(h)
}

//go:noinline
func gorSleep() {
	h := &HeldSleep{1, 2}
	escape(unsafe.Pointer(h))
	rec("held.sleep", -1, unsafe.Pointer(h), 16, "main.HeldSleep", live, "stack:main.gorSleep.h", "")
	gor("waiting", "sleep", "main.gorSleep")
	time.Sleep(1000 * time.Hour)
	runtime.KeepAlive(h)
}

//go:noinline
func gorCond() {
	h := &HeldCond{1, 2}
	escape(unsafe.Pointer(h))
	rec("held.cond", -1, unsafe.Pointer(h), 16, "main.HeldCond", live, "stack:main.gorCond.h", "")
	gor("waiting", "cond", "main.gorCond")
	gCond.L.Lock()
	gCond.Wait()
	runtime.KeepAlive(h)
}

//go:noinline
func gorWG() {
	h := &HeldWG{1, 2}
	escape(unsafe.Pointer(h))
	rec("held.waitgroup", -1, unsafe.Pointer(h), 16, "main.HeldWG", live, "stack:main.gorWG.h", "")
	gor("waiting", "waitgroup", "main.gorWG")
	gWG.Wait()
	runtime.KeepAlive(h)
}

//go:noinline
func gorNilChan() {
	h := &HeldNilChan{1, 2}
	escape(unsafe.Pointer(h))
	rec("held.nilchan", -1, unsafe.Pointer(h), 16, "main.HeldNilChan", live, "stack:main.gorNilChan.h", "")
	gor("waiting", "chan receive (nil chan)", "main.gorNilChan")
	<-gChanNil
	runtime.KeepAlive(h)
}

//go:noinline
func gorEmptySelect() {
	h := &HeldEmptySelect{1, 2}
	escape(unsafe.Pointer(h))
	rec("held.emptyselect", -1, unsafe.Pointer(h), 16, "main.HeldEmptySelect", dead, "none", "late=1")
	gor("waiting", "select (no cases)", "main.gorEmptySelect")
	select {} // nothing comes after it: the local is dead
}

//go:noinline
func gorLocked() {
	runtime.LockOSThread()
	h := &HeldLocked{1, 2}
	escape(unsafe.Pointer(h))
	rec("held.locked", -1, unsafe.Pointer(h), 16, "main.HeldLocked", live, "stack:main.gorLocked.h", "")
	gor("waiting", "chan receive", "main.gorLocked")
	<-gNever
	runtime.KeepAlive(h)
}

//go:noinline
func gorSyscall() {
	h := &HeldSyscall{1, 2}
	escape(unsafe.Pointer(h))
	rec("held.syscall", -1, unsafe.Pointer(h), 16, "main.HeldSyscall", live, "stack:main.gorSyscall.h", "")
	buf := make([]byte, 100)
	escape(unsafe.Pointer(&buf[0]))
	arr("syscall.buf", "uint8", unsafe.Pointer(&buf[0]), 1, 100, 100, live, "stack:main.gorSyscall.buf")
	gor("syscall", "", "main.gorSyscall")
	syscall.Read(gPipe[0], buf)
	runtime.KeepAlive(h)
	runtime.KeepAlive(buf)
}

//go:noinline
func gorIO() {
	h := &HeldIO{1, 2}
	escape(unsafe.Pointer(h))
	rec("held.io", -1, unsafe.Pointer(h), 16, "main.HeldIO", live, "stack:main.gorIO.h", "")
	buf := make([]byte, 200)
	escape(unsafe.Pointer(&buf[0]))
	arr("io.buf", "uint8", unsafe.Pointer(&buf[0]), 1, 200, 200, live, "stack:main.gorIO.buf")
	gor("waiting", "IO wait", "main.gorIO")
	gPipeR.Read(buf)
	runtime.KeepAlive(h)
	runtime.KeepAlive(buf)
}

// gorBusy never leaves its thread: one object is in its frame, the other one
// only in a register of spin.
//
//go:noinline
func gorBusy() {
	h := &HeldBusyLocal{1, 2}
	escape(unsafe.Pointer(h))
	rec("held.busy.local", -1, unsafe.Pointer(h), 16, "main.HeldBusyLocal", live, "stack:main.gorBusy.h", "")
	gor("running", "", "main.gorBusy")
	spin(newHeldBusy())
	runtime.KeepAlive(h)
}

//go:noinline
func newHeldBusy() *HeldBusy {
	h := &HeldBusy{1, &HeldBusyLeaf{1, 2}}
	rec("held.busy", -1, unsafe.Pointer(h), 16, "main.HeldBusy", live, "register:main.spin.h", "")
	rec("held.busy.leaf", -1, unsafe.Pointer(h.leaf), 16, "main.HeldBusyLeaf", live, "register:main.spin.h", "")
	return h
}

//go:noinline
func spin(h *HeldBusy) {
	for atomic.LoadUint32(&gBusyStop) == 0 {
		h.n++
	}
}

//go:noinline
func fillHolder(l *leafHolder, n int) {
	l.p = newDeepVia(n)
	l.end = newDeepVia(-n)
}

//go:noinline
func newDeepVia(n int) *DeepVia { return &DeepVia{int64(n), 0} }

//go:noinline
func useHolder(l *leafHolder) {
	if l.p != nil {
		gSink += l.p.a + l.end.a
	}
}

// deep holds in every frame one object directly and two through an object
// on the stack.
//
//go:noinline
func deep(n int) {
	o := &DeepObj{int64(n), &DeepLeaf{int64(n), 1}}
	escape(unsafe.Pointer(o))
	var l leafHolder
	fillHolder(&l, n)
	if n%40 == 0 {
		rec("deep.obj", n, unsafe.Pointer(o), 16, "main.DeepObj", live, "stack:main.deep.o", "")
		rec("deep.leaf", n, unsafe.Pointer(o.leaf), 16, "main.DeepLeaf", live, "stack:main.deep.o", "")
		rec("deep.via", n, unsafe.Pointer(l.p), 16, "main.DeepVia", live, "stack:main.deep.l", "")
		rec("deep.via.end", n, unsafe.Pointer(l.end), 16, "main.DeepVia", live, "stack:main.deep.l", "")
	}
	if n > 0 {
		deep(n - 1)
	} else {
		gor("waiting", "chan receive", "main.gorDeep")
		<-gNever
	}
	useHolder(&l)
	runtime.KeepAlive(o)
}

//go:noinline
func gorDeep() { deep(120) }

type StackVia struct{ a, b int64 }
type viaHolder struct {
	n    int64
	p    *StackVia
	next *viaHolder
}

//go:noinline
func newStackVia(i int) *StackVia {
	p := &StackVia{int64(i), 2}
	rec("stack.via", i, unsafe.Pointer(p), 16, "main.StackVia", live, "stack:main.gorStackObj", "via=stackobject")
	return p
}

// gorStackObj has two objects on the stack, one pointing at the other; only
// the callee has a live pointer to the first one.
//
//go:noinline
func gorStackObj() {
	var a, b viaHolder
	fillVia(&a, &b, 0)
	fillVia(&b, nil, 1)
	waitVia(&a)
}

//go:noinline
func fillVia(v, next *viaHolder, n int) {
	v.p = newStackVia(n)
	v.next = next
}

//go:noinline
func waitVia(v *viaHolder) {
	gor("waiting", "chan receive", "main.gorStackObj")
	<-gNever
	for ; v != nil; v = v.next {
		gSink += v.p.a
	}
}

//go:noinline
func waitArg(p *HeldArg, q **HeldArg) {
	gor("waiting", "chan receive", "main.gorArgs")
	<-gNever
	runtime.KeepAlive(p)
}

//go:noinline
func waitBig(a [3]*HeldBigArg, n int64) {
	waitArg(newHeldArg(), nil)
	gSink += a[0].a + n + a[2].b
}

//go:noinline
func newHeldArg() *HeldArg {
	p := &HeldArg{1, 2}
	rec("held.arg", -1, unsafe.Pointer(p), 16, "main.HeldArg", live, "stack:main.waitArg.p", "")
	return p
}

//go:noinline
func newBigArg(i int) *HeldBigArg {
	p := &HeldBigArg{int64(i), 2}
	rec("held.bigarg", i, unsafe.Pointer(p), 16, "main.HeldBigArg", live, "stack:main.waitBig.a", "")
	return p
}

// gorArgs holds objects in arguments only: one in a register's spill slot,
// three in an array that is passed on the stack.
//
//go:noinline
func gorArgs() {
	waitBig([3]*HeldBigArg{newBigArg(0), newBigArg(1), newBigArg(2)}, 5)
}

//go:noinline
func waitVariadic(args ...interface{}) {
	gor("waiting", "chan receive", "main.gorVariadic")
	<-gNever
	gSink += args[0].(*HeldVariadic).a
}

//go:noinline
func newVariadic(i int) *HeldVariadic {
	p := &HeldVariadic{int64(i), 2}
	rec("held.variadic", i, unsafe.Pointer(p), 16, "main.HeldVariadic", live, "stack:main.gorVariadic", "via=stackobject")
	return p
}

//go:noinline
func gorVariadic() { waitVariadic(newVariadic(0), 1, newVariadic(1)) }

// gorKinds holds an interface, a string, a slice and an interior pointer.
//
//go:noinline
func gorKinds() {
	var i interface{} = newHeldIface()
	s := mkstr("string-held-by-a-local-", 1, 4)
	strt("held.string", -1, strPtr(s), len(s), live, "stack:main.gorKinds.s")
	r := make([]RangeElem, 10)
	for j := range r {
		r[j].p = newRangeLeaf(j)
	}
	escape(unsafe.Pointer(&r[0]))
	arr("held.slice", "main.RangeElem", unsafe.Pointer(&r[0]), 16, 10, 10, live, "stack:main.gorKinds.r")
	in := newInterior()
	gor("waiting", "chan receive", "main.gorKinds")
	<-gNever
	for j := range r {
		gSink += r[j].p.a
	}
	gSink += int64(len(s)) + int64(s[3]) + i.(*HeldIface).a + *in
}

//go:noinline
func newHeldIface() *HeldIface {
	p := &HeldIface{1, 2}
	rec("held.iface", -1, unsafe.Pointer(p), 16, "main.HeldIface", live, "stack:main.gorKinds.i", "")
	return p
}

//go:noinline
func newRangeLeaf(i int) *RangeLeaf { return &RangeLeaf{int64(i), 0} }

//go:noinline
func newInterior() *int64 {
	p := new(HeldInterior)
	rec("held.interior", -1, unsafe.Pointer(p), unsafe.Sizeof(*p), "main.HeldInterior", live, "stack:main.gorKinds.in", "typed=no")
	return &p.in[2]
}

//go:noinline
func newDeferOpen() *DeferOpen {
	p := &DeferOpen{1, 2}
	rec("defer.open", -1, unsafe.Pointer(p), 16, "main.DeferOpen", live, "defer:main.gorDefer", "via=stackobject")
	return p
}

// gorDefer holds an object only in the closure of an open-coded defer.
//
//go:noinline
func gorDefer() {
	func() {
		d := newDeferOpen()
		defer func() { gSink += d.a }()
		gor("waiting", "chan receive", "main.gorDefer")
		<-gNever
	}()
}

// gorDeferLoop does so in records that are in the heap.
//
//go:noinline
func gorDeferLoop() {
	for i := 0; i < 4; i++ {
		d := &DeferLoop{int64(i), 2}
		rec("defer.loop", i, unsafe.Pointer(d), 16, "main.DeferLoop", live, "defer:main.gorDeferLoop", "")
		defer func() { gSink += d.a }()
	}
	for i := 0; i < 2; i++ {
		m := &DeferMethod{int64(i), 2}
		rec("defer.method", i, unsafe.Pointer(m), 16, "main.DeferMethod", live, "defer:main.gorDeferLoop", "")
		defer m.Done()
		a := &DeferArg{int64(i), 3}
		rec("defer.arg", i, unsafe.Pointer(a), 16, "main.DeferArg", live, "defer:main.gorDeferLoop", "")
		defer useDeferArg(a, i)
	}
	gor("waiting", "chan receive", "main.gorDeferLoop")
	<-gNever
}

//go:noinline
func useDeferArg(a *DeferArg, n int) { gSink += a.a + int64(n) }

// gorPanic waits inside a deferred function while it panics: the value of
// the panic is in the record only.
//
//go:noinline
func gorPanic() {
	defer func() {
		gor("waiting", "chan receive", "main.gorPanic")
		<-gNever
		recover()
	}()
	panic(newPanicObj())
}

//go:noinline
func newPanicObj() *PanicObj {
	p := &PanicObj{1, 2}
	rec("panic.obj", -1, unsafe.Pointer(p), 16, "main.PanicObj", live, "panic:main.gorPanic", "")
	return p
}

// gorPanicTwice panics again in the deferred function.
//
//go:noinline
func gorPanicTwice() {
	defer func() {
		defer func() {
			gor("waiting", "chan receive", "main.gorPanicTwice")
			<-gNever
			recover()
		}()
		panic(newPanicInner(1))
	}()
	panic(newPanicInner(0))
}

//go:noinline
func newPanicInner(i int) *PanicInner {
	p := &PanicInner{int64(i), 2}
	rec("panic.inner", i, unsafe.Pointer(p), 16, "main.PanicInner", live, "panic:main.gorPanicTwice", "")
	return p
}

// gorGoexit waits inside a deferred function while it exits.
//
//go:noinline
func gorGoexit() {
	h := &GoexitHeld{1, 2}
	escape(unsafe.Pointer(h))
	rec("goexit.held", -1, unsafe.Pointer(h), 16, "main.GoexitHeld", live, "defer:main.gorGoexit", "")
	defer func() {
		gor("waiting", "chan receive", "main.gorGoexit")
		<-gNever
		gSink += h.a
	}()
	runtime.Goexit()
}

//go:noinline
func gorGoArg(a *GoArg, n int) {
	gor("waiting", "chan receive", "main.gorGoArg")
	<-gNever
	gSink += a.a + int64(n)
}

//go:noinline
func startGoroutines() {
	gMuHeld.Lock()
	gRW.Lock()
	gWG.Add(1)
	if err := syscall.Pipe(gPipe[:]); err != nil {
		println("zoo: no pipe")
		os.Exit(1)
	}
	var err error
	if gPipeR, gPipeW, err = os.Pipe(); err != nil {
		println("zoo: no pipe")
		os.Exit(1)
	}
	go gorRecv()
	go gorSend()
	go gorSendVal()
	go gorSelect()
	go gorMutex()
	go gorRW()
	go gorSleep()
	go gorCond()
	go gorWG()
	go gorNilChan()
	go gorLocked()
	go gorSyscall()
	go gorIO()
	go gorDeep()
	go gorStackObj()
	go gorArgs()
	go gorVariadic()
	go gorKinds()
	go gorDefer()
	go gorDeferLoop()
	go gorPanic()
	go gorPanicTwice()
	go gorGoexit()
	go gorReflect()
	a := &GoArg{1, 2}
	rec("go.arg", -1, unsafe.Pointer(a), 16, "main.GoArg", live, "stack:main.gorGoArg.a", "")
	go gorGoArg(a, 5)
	c := &GoCap{1, 2}
	rec("go.cap", -1, unsafe.Pointer(c), 16, "main.GoCap", live, "stack:main.startGoroutines.func1", "")
	go func() {
		gor("waiting", "chan receive", "main.startGoroutines.func1")
		<-gNever
		gSink += c.a
	}()
	var done sync.WaitGroup
	for i := 0; i < 5; i++ { // these end: their g remains
		done.Add(1)
		go func() {
			useHolder(new(leafHolder))
			done.Done()
		}()
	}
	done.Wait()
	startCoroutine()
	if gMode != "spin" {
		go gorBusy()
		cnt("main.HeldBusy", 1, 0)
		cnt("main.HeldBusyLeaf", 1, 0)
		cnt("main.HeldBusyLocal", 1, 0)
	}
	cnt("main.HeldLeaf", 2, 0)
	for _, t := range []string{"main.HeldRecv", "main.HeldSend", "main.SendElem", "main.SendValLeaf",
		"main.HeldSelect", "main.SelectElem", "main.HeldMutex", "main.HeldRW", "main.HeldSleep", "main.HeldCond",
		"main.HeldWG", "main.HeldNilChan", "main.HeldLocked", "main.HeldSyscall", "main.HeldIO", "main.HeldArg",
		"main.HeldIface", "main.HeldInterior", "main.DeferOpen", "main.PanicObj", "main.GoexitHeld", "main.GoArg",
		"main.GoCap"} {
		cnt(t, 1, 0)
	}
	cnt("main.DeepObj", 121, 0)
	cnt("main.DeepLeaf", 121, 0)
	cnt("main.DeepVia", 242, 0)
	cnt("main.StackVia", 2, 0)
	cnt("main.HeldBigArg", 3, 0)
	cnt("main.HeldVariadic", 2, 0)
	cnt("main.RangeLeaf", 10, 0)
	cnt("main.DeferLoop", 4, 0)
	cnt("main.DeferMethod", 2, 0)
	cnt("main.DeferArg", 2, 0)
	cnt("main.PanicInner", 2, 0)
}

// Objects whose pointers are still on a stack, but in slots that are dead.
type DeadLocal struct{ a, b int64 }
type DeadArg struct{ a, b int64 }
type DeadVia struct{ a, b int64 }
type LateHeld struct{ a, b int64 }
type deadHolder struct{ p *DeadVia }

//go:noinline
func fillDead(d *deadHolder) {
	d.p = &DeadVia{1, 2}
	rec("dead.via", -1, unsafe.Pointer(d.p), 16, "main.DeadVia", dead, "none", "stale=main.gorDead.h")
}

//go:noinline
func useDead(d *deadHolder) { gSink += d.p.a }

//go:noinline
func newDeadLocal() *DeadLocal {
	p := &DeadLocal{1, 2}
	rec("dead.local", -1, unsafe.Pointer(p), 16, "main.DeadLocal", dead, "none", "stale=main.gorDead.d")
	return p
}

//go:noinline
func usedDeadLocal(p *DeadLocal) { gSink += p.a }

//go:noinline
func gorDead() {
	d := newDeadLocal()
	usedDeadLocal(d)
	var h deadHolder
	fillDead(&h)
	useDead(&h)
	usedDeadLocal(d)
	l := &LateHeld{1, 2}
	escape(unsafe.Pointer(l))
	rec("late.held", -1, unsafe.Pointer(l), 16, "main.LateHeld", live, "stack:main.gorDead.l", "")
	gor("waiting", "chan receive", "main.gorDead")
	<-gNever // d and h are not used any more
	runtime.KeepAlive(l)
}

// lateGoroutines starts goroutines after the last collection.
//
//go:noinline
func lateGoroutines() {
	go gorDead()
	go gorEmptySelect()
	cnt("main.DeadLocal", 0, 1)
	cnt("main.DeadVia", 0, 1)
	cnt("main.LateHeld", 1, 0)
	cnt("main.HeldEmptySelect", 0, 1)
}

type RunnableCap struct{ a, b int64 }
type RunnableArg struct{ a, b int64 }

// startRunnable makes goroutines that never get to run: what they hold is
// kept by their closure only. For MODE spin.
//
//go:noinline
func startRunnable() {
	for i := 0; i < 3; i++ {
		c := &RunnableCap{int64(i), 0}
		rec("runnable.cap", i, unsafe.Pointer(c), 16, "main.RunnableCap", live, "stack:main.startRunnable.func1", "")
		go func() { gSink += c.a; <-gNever }()
		a := &RunnableArg{int64(i), 0}
		rec("runnable.arg", i, unsafe.Pointer(a), 16, "main.RunnableArg", live, "stack:main.runnable.a", "")
		go runnable(a, i)
	}
	cnt("main.RunnableCap", 3, 0)
	cnt("main.RunnableArg", 3, 0)
}

//go:noinline
func runnable(a *RunnableArg, n int) {
	<-gNever
	gSink += a.a + int64(n)
}
