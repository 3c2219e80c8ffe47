package main

import "unsafe"

type SliceElem struct{ a, b, c int64 }
type SliceLeaf struct{ a, b int64 }

// Sixteen bytes, one pointer: arrays of it tile to any multiple of 16.
type Pair16 struct {
	p *SliceLeaf
	n int64
}

type Rec24 struct {
	n    int64
	leaf *SliceLeaf24
	m    int32
}
type SliceLeaf24 struct{ a, b int64 }

type Rec40 struct {
	name string
	leaf *SliceLeaf40
	x, y int64
}
type SliceLeaf40 struct{ a, b int64 }

// Sizes around the limits of the allocator.
type P504 struct {
	p *SliceLeaf
	a [62]int64
}
type P512 struct {
	p *SliceLeaf
	a [62]int64
	q *SliceLeaf
}
type P520 struct {
	p *SliceLeaf
	a [63]int64
	q *SliceLeaf
}
type P32752 struct {
	p *SliceLeaf
	a [4092]int64
	q *SliceLeaf
}
type P32760 struct {
	p *SliceLeaf
	a [4093]int64
	q *SliceLeaf
}
type P32768 struct {
	p *SliceLeaf
	a [4094]int64
	q *SliceLeaf
}
type P32776 struct {
	p *SliceLeaf
	a [4095]int64
	q *SliceLeaf
}
type N505 struct{ a [505]byte }
type N512 struct{ a [512]byte }
type N513 struct{ a [513]byte }
type N32767 struct{ a [32767]byte }
type N32768 struct{ a [32768]byte }
type N32769 struct{ a [32769]byte }

// A pointer only at the very start, and only at the very end.
type Head1k struct {
	p *SliceLeaf
	a [130]int64
}
type Tail1k struct {
	a [130]int64
	p *SliceLeaf
}

type MidElem struct {
	n    int64
	name string
	leaf *MidLeaf
}
type MidLeaf struct{ a, b int64 }
type SubElem struct {
	p *SubLeaf
	n int64
}
type SubLeaf struct{ a, b int64 }

var (
	gPtrSlice  []*SliceElem
	gPairs4    []Pair16 // 64 bytes
	gPairs32   []Pair16 // 512
	gPairs33   []Pair16 // 528: header
	gPairs100  []Pair16 // 1600
	gPairs2047 []Pair16 // 32752
	gPairs2048 []Pair16 // 32768: span of its own
	gPairs3000 []Pair16 // 48000
	gRecs20    []Rec24
	gRecs22    []Rec24 // 528
	gRecs300   []Rec24 // 7200
	gRecs2000  []Rec24 // 48000
	gRec40     []Rec40
	gP504      *P504
	gP512      *P512
	gP520      *P520
	gP32752    *P32752
	gP32760    *P32760
	gP32768    *P32768
	gP32776    *P32776
	gN505      *N505
	gN512      *N512
	gN513      *N513
	gN32767    *N32767
	gN32768    *N32768
	gN32769    *N32769
	gHead1k    *Head1k
	gTail1k    *Tail1k
	gGrown     []*SliceElem // by append: len < cap
	gMidField  *int64       // into the middle of an array of MidElem
	gMidName   *string
	gSubSlice  []SubElem // the end of an array
	gTailSlice []SubElem // no elements, some capacity
	gMatrix    [][]int32
	gIfaces    []interface{}
	gStrings   []string
	gMapsSlice []map[int]int
	gBytes     []byte
	gArrayPtr  *[64]Pair16
	gNilSlice  []*SliceElem
	gEmpty     []*SliceElem
)

func leaf16(n int64) *SliceLeaf { return &SliceLeaf{n, n} }

// pairs fills n pairs, of which every k-th has a leaf.
//
//go:noinline
func pairs(n, k int) ([]Pair16, int) {
	s := make([]Pair16, n)
	leaves := 0
	for i := range s {
		s[i].n = int64(i)
		if i%k == 0 || i == n-1 {
			s[i].p = leaf16(int64(i))
			leaves++
		}
	}
	return s, leaves
}

//go:noinline
func recs(n, k int) ([]Rec24, int) {
	s := make([]Rec24, n)
	leaves := 0
	for i := range s {
		s[i].n = int64(i)
		s[i].m = 7
		if i%k == 0 || i == n-1 {
			s[i].leaf = &SliceLeaf24{int64(i), 0}
			leaves++
		}
	}
	return s, leaves
}

//go:noinline
func buildSlices() {
	gPtrSlice = make([]*SliceElem, 100)
	for i := range gPtrSlice {
		gPtrSlice[i] = &SliceElem{a: int64(i)}
	}
	arr("slice.ptrs", "*main.SliceElem", unsafe.Pointer(&gPtrSlice[0]), 8, 100, 100, live, "global:main.gPtrSlice")
	for i := 0; i < 37; i++ {
		gGrown = append(gGrown, &SliceElem{b: int64(i)})
	}
	arr("slice.grown", "*main.SliceElem", unsafe.Pointer(&gGrown[0]), 8, len(gGrown), cap(gGrown), live, "global:main.gGrown")
	cnt("main.SliceElem", 137, 0)

	leaves, n := 0, 0
	gPairs4, n = pairs(4, 1)
	leaves += n
	gPairs32, n = pairs(32, 4)
	leaves += n
	gPairs33, n = pairs(33, 4)
	leaves += n
	gPairs100, n = pairs(100, 10)
	leaves += n
	gPairs2047, n = pairs(2047, 100)
	leaves += n
	gPairs2048, n = pairs(2048, 100)
	leaves += n
	gPairs3000, n = pairs(3000, 100)
	leaves += n
	arr("slice.pairs4", "main.Pair16", unsafe.Pointer(&gPairs4[0]), 16, 4, 4, live, "global:main.gPairs4")
	arr("slice.pairs32", "main.Pair16", unsafe.Pointer(&gPairs32[0]), 16, 32, 32, live, "global:main.gPairs32")
	arr("slice.pairs33", "main.Pair16", unsafe.Pointer(&gPairs33[0]), 16, 33, 33, live, "global:main.gPairs33")
	arr("slice.pairs100", "main.Pair16", unsafe.Pointer(&gPairs100[0]), 16, 100, 100, live, "global:main.gPairs100")
	arr("slice.pairs2047", "main.Pair16", unsafe.Pointer(&gPairs2047[0]), 16, 2047, 2047, live, "global:main.gPairs2047")
	arr("slice.pairs2048", "main.Pair16", unsafe.Pointer(&gPairs2048[0]), 16, 2048, 2048, live, "global:main.gPairs2048")
	arr("slice.pairs3000", "main.Pair16", unsafe.Pointer(&gPairs3000[0]), 16, 3000, 3000, live, "global:main.gPairs3000")
	for i := 0; i <= 3000; i += 1000 {
		j := i
		if j == 3000 {
			j = 2999
		}
		rec("slice.pairs3000.leaf", j, unsafe.Pointer(gPairs3000[j].p), 16, "main.SliceLeaf", live, "global:main.gPairs3000", "")
	}
	rec("slice.pairs33.last", -1, unsafe.Pointer(gPairs33[32].p), 16, "main.SliceLeaf", live, "global:main.gPairs33", "")
	rec("slice.pairs2047.last", -1, unsafe.Pointer(gPairs2047[2046].p), 16, "main.SliceLeaf", live, "global:main.gPairs2047", "")

	leaves24 := 0
	gRecs20, n = recs(20, 3)
	leaves24 += n
	gRecs22, n = recs(22, 3)
	leaves24 += n
	gRecs300, n = recs(300, 20)
	leaves24 += n
	gRecs2000, n = recs(2000, 50)
	leaves24 += n
	arr("slice.recs20", "main.Rec24", unsafe.Pointer(&gRecs20[0]), 24, 20, 20, live, "global:main.gRecs20")
	arr("slice.recs22", "main.Rec24", unsafe.Pointer(&gRecs22[0]), 24, 22, 22, live, "global:main.gRecs22")
	arr("slice.recs300", "main.Rec24", unsafe.Pointer(&gRecs300[0]), 24, 300, 300, live, "global:main.gRecs300")
	arr("slice.recs2000", "main.Rec24", unsafe.Pointer(&gRecs2000[0]), 24, 2000, 2000, live, "global:main.gRecs2000")
	rec("slice.recs2000.last", -1, unsafe.Pointer(gRecs2000[1999].leaf), 16, "main.SliceLeaf24", live, "global:main.gRecs2000", "")
	cnt("main.SliceLeaf24", leaves24, 0)

	gRec40 = make([]Rec40, 0, 25)
	for i := 0; i < 18; i++ {
		gRec40 = append(gRec40, Rec40{name: mkstr("name-of-a-record-", i, 3), leaf: &SliceLeaf40{int64(i), 0}})
	}
	arr("slice.rec40", "main.Rec40", unsafe.Pointer(&gRec40[0]), unsafe.Sizeof(Rec40{}), 18, 25, live, "global:main.gRec40")
	cnt("main.SliceLeaf40", 18, 0)

	gP504 = &P504{p: leaf16(504)}
	gP512 = &P512{p: leaf16(512), q: leaf16(1)}
	gP520 = &P520{p: leaf16(520), q: leaf16(2)}
	gP32752 = &P32752{p: leaf16(32752), q: leaf16(3)}
	gP32760 = &P32760{p: leaf16(32760), q: leaf16(4)}
	gP32768 = &P32768{p: leaf16(32768), q: leaf16(5)}
	gP32776 = &P32776{p: leaf16(32776), q: leaf16(6)}
	gHead1k = &Head1k{p: leaf16(7)}
	gTail1k = &Tail1k{p: leaf16(8)}
	leaves += 1 + 6*2 + 2
	rec("size.p504", -1, unsafe.Pointer(gP504), unsafe.Sizeof(*gP504), "main.P504", live, "global:main.gP504", "")
	rec("size.p512", -1, unsafe.Pointer(gP512), unsafe.Sizeof(*gP512), "main.P512", live, "global:main.gP512", "")
	rec("size.p520", -1, unsafe.Pointer(gP520), unsafe.Sizeof(*gP520), "main.P520", live, "global:main.gP520", "")
	rec("size.p32752", -1, unsafe.Pointer(gP32752), unsafe.Sizeof(*gP32752), "main.P32752", live, "global:main.gP32752", "")
	rec("size.p32760", -1, unsafe.Pointer(gP32760), unsafe.Sizeof(*gP32760), "main.P32760", live, "global:main.gP32760", "")
	rec("size.p32768", -1, unsafe.Pointer(gP32768), unsafe.Sizeof(*gP32768), "main.P32768", live, "global:main.gP32768", "")
	rec("size.p32776", -1, unsafe.Pointer(gP32776), unsafe.Sizeof(*gP32776), "main.P32776", live, "global:main.gP32776", "")
	rec("size.p512.last", -1, unsafe.Pointer(gP512.q), 16, "main.SliceLeaf", live, "global:main.gP512", "")
	rec("size.p520.last", -1, unsafe.Pointer(gP520.q), 16, "main.SliceLeaf", live, "global:main.gP520", "")
	rec("size.p32752.last", -1, unsafe.Pointer(gP32752.q), 16, "main.SliceLeaf", live, "global:main.gP32752", "")
	rec("size.p32760.last", -1, unsafe.Pointer(gP32760.q), 16, "main.SliceLeaf", live, "global:main.gP32760", "")
	rec("size.p32768.last", -1, unsafe.Pointer(gP32768.q), 16, "main.SliceLeaf", live, "global:main.gP32768", "")
	rec("size.p32776.last", -1, unsafe.Pointer(gP32776.q), 16, "main.SliceLeaf", live, "global:main.gP32776", "")
	rec("size.head1k", -1, unsafe.Pointer(gHead1k), unsafe.Sizeof(*gHead1k), "main.Head1k", live, "global:main.gHead1k", "")
	rec("size.tail1k", -1, unsafe.Pointer(gTail1k), unsafe.Sizeof(*gTail1k), "main.Tail1k", live, "global:main.gTail1k", "")
	rec("size.tail1k.leaf", -1, unsafe.Pointer(gTail1k.p), 16, "main.SliceLeaf", live, "global:main.gTail1k", "")
	gN505, gN512, gN513 = new(N505), new(N512), new(N513)
	gN32767, gN32768, gN32769 = new(N32767), new(N32768), new(N32769)
	rec("size.n505", -1, unsafe.Pointer(gN505), 505, "main.N505", live, "global:main.gN505", "")
	rec("size.n512", -1, unsafe.Pointer(gN512), 512, "main.N512", live, "global:main.gN512", "")
	rec("size.n513", -1, unsafe.Pointer(gN513), 513, "main.N513", live, "global:main.gN513", "")
	rec("size.n32767", -1, unsafe.Pointer(gN32767), 32767, "main.N32767", live, "global:main.gN32767", "")
	rec("size.n32768", -1, unsafe.Pointer(gN32768), 32768, "main.N32768", live, "global:main.gN32768", "")
	rec("size.n32769", -1, unsafe.Pointer(gN32769), 32769, "main.N32769", live, "global:main.gN32769", "")
	cnt("main.P504", 1, 0)
	cnt("main.P512", 1, 0)
	cnt("main.P520", 1, 0)
	cnt("main.P32752", 1, 0)
	cnt("main.P32760", 1, 0)
	cnt("main.P32768", 1, 0)
	cnt("main.P32776", 1, 0)
	cnt("main.Head1k", 1, 0)
	cnt("main.Tail1k", 1, 0)
	cnt("main.N505", 1, 0)
	cnt("main.N512", 1, 0)
	cnt("main.N513", 1, 0)
	cnt("main.N32767", 1, 0)
	cnt("main.N32768", 1, 0)
	cnt("main.N32769", 1, 0)

	// Arrays that are held by interior pointers only.
	mid := make([]MidElem, 50)
	for i := range mid {
		mid[i].leaf = &MidLeaf{int64(i), 0}
		mid[i].name = mkstr("mid-elem-name-number-", i, 4)
	}
	gMidField = &mid[37].n
	gMidName = &mid[12].name
	arr("slice.mid", "main.MidElem", unsafe.Pointer(&mid[0]), unsafe.Sizeof(mid[0]), 50, 50, live, "global:main.gMidField")
	cnt("main.MidLeaf", 50, 0)
	rec("slice.mid.leaf", 0, unsafe.Pointer(mid[0].leaf), 16, "main.MidLeaf", live, "global:main.gMidField", "")
	rec("slice.mid.leaf", 49, unsafe.Pointer(mid[49].leaf), 16, "main.MidLeaf", live, "global:main.gMidField", "")
	sub := make([]SubElem, 40)
	for i := range sub {
		sub[i].p = &SubLeaf{int64(i), 1}
	}
	gSubSlice = sub[25:30]
	gTailSlice = sub[38:38:40]
	arr("slice.sub", "main.SubElem", unsafe.Pointer(&sub[0]), 16, 40, 40, live, "global:main.gSubSlice")
	cnt("main.SubLeaf", 40, 0)
	rec("slice.sub.leaf", 0, unsafe.Pointer(sub[0].p), 16, "main.SubLeaf", live, "global:main.gSubSlice", "")

	gMatrix = make([][]int32, 8)
	for i := range gMatrix {
		gMatrix[i] = make([]int32, 16+i)
	}
	arr("slice.matrix", "[]int32", unsafe.Pointer(&gMatrix[0]), 24, 8, 8, live, "global:main.gMatrix")
	arr("slice.matrix.row", "int32", unsafe.Pointer(&gMatrix[7][0]), 4, 23, 23, live, "global:main.gMatrix")
	gStrings = make([]string, 20)
	for i := range gStrings {
		gStrings[i] = mkstr("string-in-a-slice-", i, 4)
	}
	arr("slice.strings", "string", unsafe.Pointer(&gStrings[0]), 16, 20, 20, live, "global:main.gStrings")
	gMapsSlice = make([]map[int]int, 5)
	for i := range gMapsSlice {
		gMapsSlice[i] = map[int]int{i: 1}
	}
	arr("slice.maps", "map[int]int", unsafe.Pointer(&gMapsSlice[0]), 8, 5, 5, live, "global:main.gMapsSlice")
	gBytes = make([]byte, 300, 333)
	arr("slice.bytes", "uint8", unsafe.Pointer(&gBytes[0]), 1, 300, 333, live, "global:main.gBytes")
	gArrayPtr = new([64]Pair16)
	gArrayPtr[63].p = leaf16(63)
	leaves++
	rec("array.ptr", -1, unsafe.Pointer(gArrayPtr), unsafe.Sizeof(*gArrayPtr), "[64]main.Pair16", live, "global:main.gArrayPtr", "")
	cnt("main.SliceLeaf", leaves, 0)
	gEmpty = make([]*SliceElem, 0)
}
