package main

import (
	"reflect"
	"runtime"
	"unsafe"
)

type ReflNew struct {
	p *ReflLeaf
	n int64
}
type ReflLeaf struct{ a, b int64 }
type ReflArg struct{ a, b int64 }
type ReflMapVal struct{ a, b int64 }

var (
	gReflNew   interface{}
	gReflSmall interface{} // *struct{ A *ReflLeaf; B int64 } made at run time
	gReflBig   interface{} // *struct with 100 pointers made at run time
	gReflSlice interface{}
	gReflMap   interface{}
	gReflFunc  func(*ReflArg)
)

//go:noinline
func buildReflect() {
	leafT := reflect.TypeOf((*ReflLeaf)(nil))
	v := reflect.New(reflect.TypeOf(ReflNew{}))
	v.Elem().Field(1) // unexported: only looked at
	p := (*ReflNew)(unsafe.Pointer(v.Pointer()))
	p.p = &ReflLeaf{1, 0}
	gReflNew = v.Interface()
	rec("refl.new", -1, unsafe.Pointer(p), unsafe.Sizeof(*p), "main.ReflNew", live, "global:main.gReflNew", "")
	cnt("main.ReflNew", 1, 0)

	small := reflect.StructOf([]reflect.StructField{
		{Name: "A", Type: leafT},
		{Name: "B", Type: reflect.TypeOf(int64(0))},
	})
	sv := reflect.New(small)
	sv.Elem().Field(0).Set(reflect.ValueOf(&ReflLeaf{2, 0}))
	gReflSmall = sv.Interface()
	rec("refl.small", -1, unsafe.Pointer(sv.Pointer()), small.Size(), "struct{A_*main.ReflLeaf;B_int64}", live, "global:main.gReflSmall", "runtimetype=1")

	big := reflect.StructOf([]reflect.StructField{
		{Name: "N", Type: reflect.TypeOf(int64(0))},
		{Name: "P", Type: reflect.ArrayOf(100, leafT)},
	})
	bv := reflect.New(big)
	bv.Elem().Field(1).Index(99).Set(reflect.ValueOf(&ReflLeaf{3, 0}))
	gReflBig = bv.Interface()
	rec("refl.big", -1, unsafe.Pointer(bv.Pointer()), big.Size(), "struct{N_int64;P_[100]*main.ReflLeaf}", live, "global:main.gReflBig", "runtimetype=1")
	rec("refl.big.leaf", -1, unsafe.Pointer(bv.Elem().Field(1).Index(99).Pointer()), 16, "main.ReflLeaf", live, "global:main.gReflBig", "")

	sl := reflect.MakeSlice(reflect.SliceOf(leafT), 70, 90)
	sl.Index(69).Set(reflect.ValueOf(&ReflLeaf{4, 0}))
	gReflSlice = sl.Interface()
	arr("refl.slice", "*main.ReflLeaf", unsafe.Pointer(sl.Pointer()), 8, 70, 90, live, "global:main.gReflSlice")
	cnt("main.ReflLeaf", 4, 0)
	m := reflect.MakeMap(reflect.MapOf(reflect.TypeOf(uint8(0)), reflect.TypeOf((*ReflMapVal)(nil))))
	for i := 0; i < 20; i++ {
		m.SetMapIndex(reflect.ValueOf(uint8(i)), reflect.ValueOf(&ReflMapVal{int64(i), 0}))
	}
	gReflMap = m.Interface()
	mapt("main.gReflMap", unsafe.Pointer(m.Pointer()), "uint8", "*main.ReflMapVal", 20)
	cnt("main.ReflMapVal", 20, 0)

	fn := reflect.MakeFunc(reflect.TypeOf(gReflFunc), func(args []reflect.Value) []reflect.Value {
		gor("waiting", "chan receive", "main.gorReflect")
		<-gNever
		runtime.KeepAlive(args)
		return nil
	})
	gReflFunc = fn.Interface().(func(*ReflArg))
}

//go:noinline
func newReflArg() *ReflArg {
	p := &ReflArg{1, 2}
	rec("refl.arg", -1, unsafe.Pointer(p), 16, "main.ReflArg", live, "stack:main.buildReflect.func1.args", "")
	cnt("main.ReflArg", 1, 0)
	return p
}

// gorReflect blocks inside a function made by reflect.
//
//go:noinline
func gorReflect() { gReflFunc(newReflArg()) }

type ProfNode struct {
	next *ProfNode
	n    [5]int64
}

var gProf *ProfNode

// buildProfiled makes a few objects that the memory profiler samples, all of
// them, with the stacks that allocated them.
//
//go:noinline
func buildProfiled() {
	runtime.MemProfile(nil, false) // else the linker switches the profiler off
	runtime.MemProfileRate = 1
	for i := 0; i < 12; i++ {
		gProf = profAlloc(gProf)
	}
	runtime.MemProfileRate = 0
	for i, p := 0, gProf; p != nil; i, p = i+1, p.next {
		rec("prof.node", i, unsafe.Pointer(p), unsafe.Sizeof(*p), "main.ProfNode", live, "global:main.gProf", "allocated=main.profAlloc")
	}
	cnt("main.ProfNode", 12, 0)
}

//go:noinline
func profAlloc(next *ProfNode) *ProfNode { return &ProfNode{next: next} }
