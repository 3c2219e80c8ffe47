package main

import (
	"runtime"
	"unsafe"
)

type CapByVal struct{ a, b int64 }
type CapByRef struct{ a, b int64 }
type CapVarStruct struct { // a variable that a closure changes
	leaf *CapVarLeaf
	n    int64
}
type CapVarLeaf struct{ a, b int64 }
type Recv struct {
	n    int64
	leaf *RecvLeaf
}
type RecvLeaf struct{ a, b int64 }
type RecvVal struct { // method value with a value receiver: copied
	n    int64
	leaf *RecvLeaf
	m    int64
}
type CapNest struct{ a, b int64 }
type CapMany struct{ a, b int64 }

func (r *Recv) Method() int64   { r.n++; return r.n }
func (r RecvVal) Method() int64 { return r.n + r.m }

var (
	gFuncVal    func() int64
	gFuncRef    func() int64
	gFuncRef2   func() int64
	gFuncStatic func() int64
	gMethodVal  func() int64
	gMethodCopy func() int64
	gFuncNest   func() func() int64
	gFuncs      []func() int64
	gFuncMany   func() int64
)

func funcPtr(f *func() int64) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(f)) }

// closure writes down the object of a function value.
//
//go:noinline
func closure(name string, f *func() int64, size uintptr, root string) {
	p := funcPtr(f)
	fn := runtime.FuncForPC(**(**uintptr)(unsafe.Pointer(f)))
	note := ""
	if fn == nil {
		note = "nofunc=1"
	}
	truthMu.Lock()
	puts("closure name=")
	puts(name)
	puts(" addr=")
	putx(uintptr(p))
	puts(" size=")
	putd(int64(size))
	puts(" func=")
	if fn != nil {
		puts(fn.Name())
	} else {
		puts(note)
	}
	puts(" state=live root=")
	puts(root)
	putc('\n')
	truthMu.Unlock()
}

//go:noinline
func makeByVal(p *CapByVal, n int64, s string) func() int64 {
	return func() int64 { return p.a + n + int64(len(s)) }
}

//go:noinline
func makeByRef(q *CapByRef) (func() int64, func() int64) {
	var v CapVarStruct
	v.leaf = &CapVarLeaf{1, 2}
	r := q
	f := func() int64 { v.n++; r = nil; return v.n + v.leaf.a }
	g := func() int64 {
		if r != nil {
			return r.a
		}
		return v.n
	}
	rec("closure.var", -1, unsafe.Pointer(&v), unsafe.Sizeof(v), "main.CapVarStruct", live, "global:main.gFuncRef", "")
	rec("closure.varptr", -1, unsafe.Pointer(&r), unsafe.Sizeof(r), "*main.CapByRef", live, "global:main.gFuncRef", "")
	return f, g
}

//go:noinline
func makeNest(c *CapNest) func() func() int64 {
	return func() func() int64 {
		return func() int64 { c.a++; return c.a }
	}
}

//go:noinline
func makeMany(a, b, c *CapMany, x int8, s []*CapMany, i interface{}) func() int64 {
	return func() int64 {
		if i == nil {
			return a.a
		}
		return a.a + b.a + c.b + int64(x) + int64(len(s))
	}
}

func staticFunc() int64 { return 42 }

//go:noinline
func buildFuncs() {
	gFuncVal = makeByVal(&CapByVal{1, 2}, 3, mkstr("captured-string-", 1, 3))
	closure("closure.byval", &gFuncVal, 8+8+8+16, "global:main.gFuncVal")
	cnt("main.CapByVal", 1, 0)
	gFuncRef, gFuncRef2 = makeByRef(&CapByRef{3, 4})
	closure("closure.byref", &gFuncRef, 24, "global:main.gFuncRef")
	closure("closure.byref2", &gFuncRef2, 24, "global:main.gFuncRef2")
	cnt("main.CapByRef", 1, 0)
	cnt("main.CapVarStruct", 1, 0)
	cnt("main.CapVarLeaf", 1, 0)
	gFuncStatic = staticFunc
	gMethodVal = (&Recv{5, &RecvLeaf{1, 2}}).Method
	closure("closure.method", &gMethodVal, 16, "global:main.gMethodVal")
	cnt("main.Recv", 1, 0)
	gMethodCopy = RecvVal{6, &RecvLeaf{3, 4}, 7}.Method
	closure("closure.methodcopy", &gMethodCopy, 32, "global:main.gMethodCopy")
	cnt("main.RecvLeaf", 2, 0)
	gFuncNest = makeNest(&CapNest{1, 2})
	cnt("main.CapNest", 1, 0)
	gFuncs = append(gFuncs, gFuncNest(), gFuncNest(), staticFunc, gMethodVal)
	closure("closure.nested", &gFuncs[0], 16, "global:main.gFuncs")
	arr("closure.slice", "func() int64", unsafe.Pointer(&gFuncs[0]), 8, len(gFuncs), cap(gFuncs), live, "global:main.gFuncs")
	gFuncMany = makeMany(&CapMany{1, 1}, &CapMany{2, 2}, &CapMany{3, 3}, 4, []*CapMany{{4, 4}, {5, 5}}, &CapMany{6, 6})
	closure("closure.many", &gFuncMany, 8+24+8+24+16, "global:main.gFuncMany")
	cnt("main.CapMany", 6, 0)
}
