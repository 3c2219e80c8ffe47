package main

import "unsafe"

type MapVal struct {
	id   int64
	name string
	leaf *MapLeaf
}

type MapLeaf struct{ n, m, o int64 }
type MapSmallVal struct{ a, b int64 }
type MapEightVal struct{ a, b int64 }
type MapNineVal struct{ a, b int64 }
type MapBigVal struct{ a, b, c int64 }
type MapNestLeaf struct{ a, b int64 }
type MapIndVal struct {
	pad  [30]int64
	leaf *MapIndLeaf
}
type MapIndKey struct {
	a [18]int64
	s string
}
type MapIndLeaf struct{ a, b int64 }
type MapDelVal struct{ a, b int64 }
type MapGrowVal struct{ a, b int64 }
type MapAnyKey struct{ a, b int64 }
type MapAnyVal struct {
	p *MapAnyLeaf
	s string
}
type MapAnyLeaf struct{ a, b int64 }
type MapHeld struct{ m map[int32]*MapHeldVal }
type MapHeldVal struct{ a, b int64 }
type MapKeyPtr struct{ a, b int64 }

var (
	gMapStruct  map[string]MapVal
	gMapNoPtr   map[int64]int64
	gMapNoPtrXL map[uint32]uint64
	gMapSmall   map[string]*MapSmallVal
	gMapEight   map[int32]*MapEightVal
	gMapNine    map[int32]*MapNineVal
	gMapBig     map[int]*MapBigVal
	gMapNested  map[string]map[int32]*MapNestLeaf
	gMapIndVal  map[int]MapIndVal
	gMapIndKey  map[MapIndKey]int32
	gMapDel     map[int]*MapDelVal
	gMapGrow    map[int]*MapGrowVal
	gMapAny     map[interface{}]interface{}
	gMapSet     map[string]struct{}
	gMapByte    map[[3]byte]bool
	gMapEmpty   map[string]int
	gMapCleared map[int64]*MapLeaf
	gMapNil     map[string]int
	gMapSlice   map[uint16][]int32
	gMapFunc    map[string]func() int
	gMapHeld    *MapHeld
	gMapKeyPtr  map[*MapKeyPtr]int8
	gMapFloat   map[float64]string
)

//go:noinline
func buildMaps() {
	gMapStruct = make(map[string]MapVal)
	for i := 0; i < 300; i++ {
		k := mkstr("map-struct-key-", i, 5) // 20 bytes: no tiny allocation
		gMapStruct[k] = MapVal{int64(i), mkstr("map-struct-name-", i, 6), &MapLeaf{int64(i), 1, 2}}
	}
	mapt("main.gMapStruct", *(*unsafe.Pointer)(unsafe.Pointer(&gMapStruct)), "string", "main.MapVal", 300)
	cnt("main.MapLeaf", 300, 0)
	glob("main.gMapStruct", unsafe.Pointer(&gMapStruct), 8, "map[string]main.MapVal")

	gMapNoPtr = make(map[int64]int64, 100)
	for i := int64(0); i < 100; i++ {
		gMapNoPtr[i*7] = i
	}
	mapt("main.gMapNoPtr", *(*unsafe.Pointer)(unsafe.Pointer(&gMapNoPtr)), "int64", "int64", 100)
	gMapNoPtrXL = make(map[uint32]uint64)
	for i := uint32(0); i < 3000; i++ {
		gMapNoPtrXL[i*3] = uint64(i)
	}
	mapt("main.gMapNoPtrXL", *(*unsafe.Pointer)(unsafe.Pointer(&gMapNoPtrXL)), "uint32", "uint64", 3000)

	gMapSmall = make(map[string]*MapSmallVal)
	for i := 0; i < 3; i++ {
		gMapSmall[mkstr("k", i, 1)] = &MapSmallVal{int64(i), 0}
	}
	mapt("main.gMapSmall", *(*unsafe.Pointer)(unsafe.Pointer(&gMapSmall)), "string", "*main.MapSmallVal", 3)
	cnt("main.MapSmallVal", 3, 0)
	gMapEight = make(map[int32]*MapEightVal)
	for i := int32(0); i < 8; i++ {
		gMapEight[i] = &MapEightVal{int64(i), 0}
	}
	mapt("main.gMapEight", *(*unsafe.Pointer)(unsafe.Pointer(&gMapEight)), "int32", "*main.MapEightVal", 8)
	cnt("main.MapEightVal", 8, 0)
	gMapNine = make(map[int32]*MapNineVal)
	for i := int32(0); i < 9; i++ {
		gMapNine[i] = &MapNineVal{int64(i), 0}
	}
	mapt("main.gMapNine", *(*unsafe.Pointer)(unsafe.Pointer(&gMapNine)), "int32", "*main.MapNineVal", 9)
	cnt("main.MapNineVal", 9, 0)

	gMapBig = make(map[int]*MapBigVal)
	for i := 0; i < 2500; i++ {
		gMapBig[i] = &MapBigVal{int64(i), 0, 0}
	}
	mapt("main.gMapBig", *(*unsafe.Pointer)(unsafe.Pointer(&gMapBig)), "int", "*main.MapBigVal", 2500)
	cnt("main.MapBigVal", 2500, 0)
	for i := 0; i < 2500; i += 624 {
		rec("map.big.val", i, unsafe.Pointer(gMapBig[i]), unsafe.Sizeof(MapBigVal{}), "main.MapBigVal", live, "global:main.gMapBig", "")
	}

	gMapNested = make(map[string]map[int32]*MapNestLeaf)
	for i := 0; i < 12; i++ {
		in := make(map[int32]*MapNestLeaf)
		for j := int32(0); j < int32(5+i); j++ {
			in[j] = &MapNestLeaf{int64(i), int64(j)}
		}
		gMapNested[mkstr("nested-map-number-", i, 3)] = in
	}
	mapt("main.gMapNested", *(*unsafe.Pointer)(unsafe.Pointer(&gMapNested)), "string", "map[int32]*main.MapNestLeaf", 12)
	cnt("main.MapNestLeaf", 12*5+66, 0)

	gMapIndVal = make(map[int]MapIndVal)
	for i := 0; i < 20; i++ {
		gMapIndVal[i] = MapIndVal{leaf: &MapIndLeaf{int64(i), 0}}
	}
	mapt("main.gMapIndVal", *(*unsafe.Pointer)(unsafe.Pointer(&gMapIndVal)), "int", "main.MapIndVal", 20)
	cnt("main.MapIndVal", 20, 0) // elements above 128 bytes: one object each
	cnt("main.MapIndLeaf", 20, 0)
	gMapIndKey = make(map[MapIndKey]int32)
	for i := 0; i < 7; i++ {
		var k MapIndKey
		k.a[0] = int64(i)
		k.s = mkstr("indirect-map-key-", i, 2)
		gMapIndKey[k] = int32(i)
	}
	mapt("main.gMapIndKey", *(*unsafe.Pointer)(unsafe.Pointer(&gMapIndKey)), "main.MapIndKey", "int32", 7)
	cnt("main.MapIndKey", 7, 0)

	gMapDel = make(map[int]*MapDelVal)
	for i := 0; i < 100; i++ {
		gMapDel[i] = &MapDelVal{int64(i), 0}
	}

	// Up to Go 1.23 this map is left in the middle of a growth (416 is the
	// load limit of 64 buckets).
	gMapGrow = make(map[int]*MapGrowVal)
	for i := 0; i < 420; i++ {
		gMapGrow[i] = &MapGrowVal{int64(i), 0}
	}
	mapt("main.gMapGrow", *(*unsafe.Pointer)(unsafe.Pointer(&gMapGrow)), "int", "*main.MapGrowVal", 420)
	cnt("main.MapGrowVal", 420, 0)

	gMapAny = make(map[interface{}]interface{})
	for i := 0; i < 10; i++ {
		gMapAny[MapAnyKey{int64(i), 1}] = MapAnyVal{&MapAnyLeaf{int64(i), 2}, "static"}
	}
	gMapAny["a string"] = 12345678
	gMapAny[1.5] = nil
	mapt("main.gMapAny", *(*unsafe.Pointer)(unsafe.Pointer(&gMapAny)), "interface {}", "interface {}", 12)
	cnt("main.MapAnyKey", 10, 0)
	cnt("main.MapAnyVal", 10, 0)
	cnt("main.MapAnyLeaf", 10, 0)

	gMapSet = make(map[string]struct{})
	for i := 0; i < 30; i++ {
		gMapSet[mkstr("member-of-the-set-", i, 3)] = struct{}{}
	}
	mapt("main.gMapSet", *(*unsafe.Pointer)(unsafe.Pointer(&gMapSet)), "string", "struct {}", 30)
	gMapByte = make(map[[3]byte]bool)
	for i := 0; i < 30; i++ {
		gMapByte[[3]byte{byte(i), 1, 2}] = i%2 == 0
	}
	mapt("main.gMapByte", *(*unsafe.Pointer)(unsafe.Pointer(&gMapByte)), "[3]uint8", "bool", 30)
	gMapEmpty = make(map[string]int)
	mapt("main.gMapEmpty", *(*unsafe.Pointer)(unsafe.Pointer(&gMapEmpty)), "string", "int", 0)
	gMapCleared = make(map[int64]*MapLeaf)
	for i := int64(0); i < 50; i++ {
		gMapCleared[i] = nil
	}
	for i := int64(0); i < 50; i++ {
		delete(gMapCleared, i)
	}
	mapt("main.gMapCleared", *(*unsafe.Pointer)(unsafe.Pointer(&gMapCleared)), "int64", "*main.MapLeaf", 0)
	gMapSlice = make(map[uint16][]int32)
	for i := uint16(0); i < 20; i++ {
		s := make([]int32, 10+int(i))
		gMapSlice[i] = s
		if i%10 == 0 {
			arr("map.slice", "int32", unsafe.Pointer(&s[0]), 4, len(s), cap(s), live, "global:main.gMapSlice")
		}
	}
	mapt("main.gMapSlice", *(*unsafe.Pointer)(unsafe.Pointer(&gMapSlice)), "uint16", "[]int32", 20)
	gMapFunc = make(map[string]func() int)
	for i := 0; i < 6; i++ {
		n := i
		gMapFunc[mkstr("f", i, 1)] = func() int { n++; return n }
	}
	mapt("main.gMapFunc", *(*unsafe.Pointer)(unsafe.Pointer(&gMapFunc)), "string", "func() int", 6)

	gMapHeld = &MapHeld{m: make(map[int32]*MapHeldVal)}
	for i := int32(0); i < 25; i++ {
		gMapHeld.m[i] = &MapHeldVal{int64(i), 0}
	}
	mapt("main.gMapHeld.m", *(*unsafe.Pointer)(unsafe.Pointer(&gMapHeld.m)), "int32", "*main.MapHeldVal", 25)
	cnt("main.MapHeld", 1, 0)
	cnt("main.MapHeldVal", 25, 0)
	gMapKeyPtr = make(map[*MapKeyPtr]int8)
	for i := 0; i < 15; i++ {
		gMapKeyPtr[&MapKeyPtr{int64(i), 0}] = int8(i)
	}
	mapt("main.gMapKeyPtr", *(*unsafe.Pointer)(unsafe.Pointer(&gMapKeyPtr)), "*main.MapKeyPtr", "int8", 15)
	cnt("main.MapKeyPtr", 15, 0)
	gMapFloat = map[float64]string{1.25: "static one", 2.5: mkstr("heap-string-in-map-", 2, 4)}
	mapt("main.gMapFloat", *(*unsafe.Pointer)(unsafe.Pointer(&gMapFloat)), "float64", "string", 2)
}

// lateMaps deletes from a map after the last collection: the values become
// garbage that is still allocated.
//
//go:noinline
func lateMaps() {
	for i := 0; i < 40; i++ {
		v := gMapDel[i]
		if i%10 == 0 {
			rec("map.deleted", i, unsafe.Pointer(v), unsafe.Sizeof(*v), "main.MapDelVal", dead, "none", "")
		}
		delete(gMapDel, i)
	}
	for i := 40; i < 100; i += 20 {
		rec("map.kept", i, unsafe.Pointer(gMapDel[i]), unsafe.Sizeof(MapDelVal{}), "main.MapDelVal", live, "global:main.gMapDel", "")
	}
	mapt("main.gMapDel", *(*unsafe.Pointer)(unsafe.Pointer(&gMapDel)), "int", "*main.MapDelVal", 60)
	cnt("main.MapDelVal", 60, 40)
}
