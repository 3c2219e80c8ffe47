package main

import "unsafe"

// Package variables that the linker lays out: the pointers between them are
// in the data segment, and parts of them point into the heap later.

type Static struct {
	name string
	sub  *StaticSub
	dyn  *StaticDyn
	arr  []StaticSub
	next *Static
}
type StaticSub struct {
	n   int64
	dyn *StaticDyn
}
type StaticDyn struct{ a, b int64 }
type StaticNoPtr struct{ a, b, c int64 }

var (
	gStatic = &Static{
		name: "static composite",
		sub:  &StaticSub{n: 1},
		arr:  []StaticSub{{n: 2}, {n: 3}, {n: 4}},
		next: &Static{name: "the second one", sub: &StaticSub{n: 5}},
	}
	gStaticVal                   = Static{name: "by value", sub: &StaticSub{n: 6}}
	gStaticPtrs                  = []*StaticSub{{n: 7}, {n: 8}}
	gStaticNoPtr                 = &StaticNoPtr{1, 2, 3}
	gStaticArr                   = [4]*StaticDyn{}
	gStaticIface interface{}     = &StaticSub{n: 9}
	gStaticFunc  func() int64    = staticFunc
	gStaticMap                   = map[string]int{"one": 1, "two": 2, "three": 3}
	gStaticZero  [100]*StaticDyn // bss
	gStaticEmb   struct {
		StaticSub
		more *StaticDyn
	}
)

// Objects of no size all have the same address.
type ZeroSize struct{}
type ZeroTail struct {
	p *ZeroTailLeaf
	_ [0]int64
}
type ZeroTailLeaf struct{ a, b int64 }

var (
	gZero      *ZeroSize
	gZeroSlice []struct{}
	gZeroArr   *[0]int64
	gZeroTail  *ZeroTail
)

//go:noinline
func buildStatics() {
	gStatic.dyn = &StaticDyn{1, 0}
	gStatic.sub.dyn = &StaticDyn{2, 0}
	gStatic.arr[2].dyn = &StaticDyn{3, 0}
	gStatic.next.sub.dyn = &StaticDyn{4, 0}
	gStaticVal.sub.dyn = &StaticDyn{5, 0}
	gStaticPtrs[1].dyn = &StaticDyn{6, 0}
	gStaticArr[3] = &StaticDyn{7, 0}
	gStaticIface.(*StaticSub).dyn = &StaticDyn{8, 0}
	gStaticZero[99] = &StaticDyn{9, 0}
	gStaticEmb.more = &StaticDyn{10, 0}
	gStaticEmb.dyn = &StaticDyn{11, 0}
	cnt("main.StaticDyn", 11, 0)
	cnt("main.Static", 0, 0) // not in the heap
	cnt("main.StaticSub", 0, 0)
	const T = "main.StaticDyn"
	rec("static.dyn", -1, unsafe.Pointer(gStatic.dyn), 16, T, live, "global:main.gStatic", "")
	rec("static.sub.dyn", -1, unsafe.Pointer(gStatic.sub.dyn), 16, T, live, "global:main.gStatic", "")
	rec("static.arr.dyn", -1, unsafe.Pointer(gStatic.arr[2].dyn), 16, T, live, "global:main.gStatic", "")
	rec("static.next.dyn", -1, unsafe.Pointer(gStatic.next.sub.dyn), 16, T, live, "global:main.gStatic", "")
	rec("static.val.dyn", -1, unsafe.Pointer(gStaticVal.sub.dyn), 16, T, live, "global:main.gStaticVal", "")
	rec("static.ptrs.dyn", -1, unsafe.Pointer(gStaticPtrs[1].dyn), 16, T, live, "global:main.gStaticPtrs", "")
	rec("static.array.dyn", -1, unsafe.Pointer(gStaticArr[3]), 16, T, live, "global:main.gStaticArr", "")
	rec("static.iface.dyn", -1, unsafe.Pointer(gStaticIface.(*StaticSub).dyn), 16, T, live, "global:main.gStaticIface", "")
	rec("static.bss.dyn", -1, unsafe.Pointer(gStaticZero[99]), 16, T, live, "global:main.gStaticZero", "")
	rec("static.emb.dyn", -1, unsafe.Pointer(gStaticEmb.more), 16, T, live, "global:main.gStaticEmb", "")
	glob("main.gStatic", unsafe.Pointer(&gStatic), 8, "*main.Static")
	glob("main.gStaticZero", unsafe.Pointer(&gStaticZero), 800, "[100]*main.StaticDyn")

	gZero = new(ZeroSize)
	gZeroSlice = make([]struct{}, 10)
	gZeroArr = new([0]int64)
	gZeroTail = &ZeroTail{p: &ZeroTailLeaf{1, 2}}
	cnt("main.ZeroSize", 0, 0)
	cnt("main.ZeroTail", 1, 0)
	cnt("main.ZeroTailLeaf", 1, 0)
	rec("zero.tail", -1, unsafe.Pointer(gZeroTail), unsafe.Sizeof(*gZeroTail), "main.ZeroTail", live, "global:main.gZeroTail", "")
}
