//go:build go1.18

package main

import "unsafe"

type GPair[K comparable, V any] struct {
	key K
	val V
	n   *GPair[K, V]
}
type GNode[T any] struct {
	val  T
	next *GNode[T]
}
type GStack[T any] struct{ items []T }
type GenLeaf struct{ a, b int64 }
type GenVal struct {
	p *GenLeaf
	n int64
}
type GSet[K comparable] map[K]struct{}

var (
	gPair    *GPair[string, *GenLeaf]
	gGInts   *GNode[int]
	gGVals   *GNode[GenVal]
	gGPtrs   *GNode[*GenLeaf]
	gGStack  GStack[GenVal]
	gGSet    GSet[int16]
	gGFunc   func() int
	gGMapped []*GPair[int32, GenVal]
)

func (s *GStack[T]) Push(v T) { s.items = append(s.items, v) }

//go:noinline
func push[T any](head *GNode[T], v T) *GNode[T] { return &GNode[T]{v, head} }

//go:noinline
func counter[T any](v *T, f func(*T) int) func() int {
	return func() int { return f(v) }
}

//go:noinline
func build118() {
	leaves := 0
	for i := 0; i < 20; i++ {
		gPair = &GPair[string, *GenLeaf]{mkstr("generic-pair-key-", i, 4), &GenLeaf{int64(i), 0}, gPair}
		leaves++
	}
	cnt("main.GPair[string,*main.GenLeaf]", 20, 0)
	rec("gen.pair", -1, unsafe.Pointer(gPair), unsafe.Sizeof(*gPair), "main.GPair[string,*main.GenLeaf]", live, "global:main.gPair", "")
	for i := 0; i < 30; i++ {
		gGInts = push(gGInts, i)
		gGVals = push(gGVals, GenVal{&GenLeaf{int64(i), 1}, 2})
		gGPtrs = push(gGPtrs, &GenLeaf{int64(i), 2})
		leaves += 2
	}
	cnt("main.GNode[int]", 30, 0)
	cnt("main.GNode[main.GenVal]", 30, 0)
	cnt("main.GNode[*main.GenLeaf]", 30, 0)
	rec("gen.node.int", -1, unsafe.Pointer(gGInts), unsafe.Sizeof(*gGInts), "main.GNode[int]", live, "global:main.gGInts", "")
	rec("gen.node.val", -1, unsafe.Pointer(gGVals), unsafe.Sizeof(*gGVals), "main.GNode[main.GenVal]", live, "global:main.gGVals", "")
	for i := 0; i < 25; i++ {
		gGStack.Push(GenVal{&GenLeaf{int64(i), 3}, 4})
		leaves++
	}
	arr("gen.stack", "main.GenVal", unsafe.Pointer(&gGStack.items[0]), 16, len(gGStack.items), cap(gGStack.items), live, "global:main.gGStack")
	gGSet = make(GSet[int16])
	for i := int16(0); i < 40; i++ {
		gGSet[i] = struct{}{}
	}
	mapt("main.gGSet", *(*unsafe.Pointer)(unsafe.Pointer(&gGSet)), "int16", "struct {}", 40)
	gGFunc = counter(&GenLeaf{1, 4}, func(l *GenLeaf) int { return int(l.a) })
	leaves++
	for i := int32(0); i < 10; i++ {
		gGMapped = append(gGMapped, &GPair[int32, GenVal]{key: i, val: GenVal{n: int64(i)}})
	}
	cnt("main.GPair[int32,main.GenVal]", 10, 0)
	cnt("main.GenLeaf", leaves, 0)
}
