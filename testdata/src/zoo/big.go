package main

import "unsafe"

// Huge has pointers over more than 128 KiB: a GC program up to Go 1.23, a
// mask on demand from 1.24 on.
type Huge struct {
	n    int64
	ptrs [16500]*HugeLeaf
	tail [100]int64
}
type HugeLeaf struct{ a, b int64 }

// Mid8000 needs a mask on demand from Go 1.27 on.
type Mid8000 struct {
	ptrs [999]*MidMaskLeaf
	n    int64
}
type MidMaskLeaf struct{ a, b int64 }

// Late2400 is first allocated after the last collection: nothing has asked
// for its mask yet.
type Late2400 struct {
	n    int64
	rows [149]lateRow
	p    *LateLeaf
}
type lateRow struct {
	p *LateLeaf
	n int64
}
type LateLeaf struct{ a, b int64 }

// LateHuge likewise, above 128 KiB.
type LateHuge struct {
	rows [8200]lateRow
}

type BigElem struct{ a, b int64 }

var (
	gHuge     *Huge
	gHugeArr  []Huge
	gMid8000  *Mid8000
	gMidArr   []Mid8000
	gBigPtrs  []*BigElem // 160 KB
	gLate2400 *Late2400
	gLateHuge *LateHuge
)

//go:noinline
func buildBig() {
	gHuge = new(Huge)
	for _, i := range []int{0, 8000, 16383, 16384, 16499} {
		gHuge.ptrs[i] = &HugeLeaf{int64(i), 0}
		rec("huge.leaf", i, unsafe.Pointer(gHuge.ptrs[i]), 16, "main.HugeLeaf", live, "global:main.gHuge", "")
	}
	rec("huge", -1, unsafe.Pointer(gHuge), unsafe.Sizeof(*gHuge), "main.Huge", live, "global:main.gHuge", "")
	gHugeArr = make([]Huge, 2)
	gHugeArr[0].ptrs[16499] = &HugeLeaf{1, 1}
	gHugeArr[1].ptrs[0] = &HugeLeaf{2, 2}
	gHugeArr[1].ptrs[16499] = &HugeLeaf{3, 3}
	arr("huge.array", "main.Huge", unsafe.Pointer(&gHugeArr[0]), unsafe.Sizeof(Huge{}), 2, 2, live, "global:main.gHugeArr")
	rec("huge.array.last", -1, unsafe.Pointer(gHugeArr[1].ptrs[16499]), 16, "main.HugeLeaf", live, "global:main.gHugeArr", "")
	cnt("main.Huge", 1, 0)
	cnt("main.HugeLeaf", 8, 0)

	gMid8000 = new(Mid8000)
	for _, i := range []int{0, 127, 128, 500, 998} {
		gMid8000.ptrs[i] = &MidMaskLeaf{int64(i), 0}
		rec("mid8000.leaf", i, unsafe.Pointer(gMid8000.ptrs[i]), 16, "main.MidMaskLeaf", live, "global:main.gMid8000", "")
	}
	rec("mid8000", -1, unsafe.Pointer(gMid8000), unsafe.Sizeof(*gMid8000), "main.Mid8000", live, "global:main.gMid8000", "")
	gMidArr = make([]Mid8000, 3)
	gMidArr[2].ptrs[998] = &MidMaskLeaf{1, 1}
	arr("mid8000.array", "main.Mid8000", unsafe.Pointer(&gMidArr[0]), unsafe.Sizeof(Mid8000{}), 3, 3, live, "global:main.gMidArr")
	rec("mid8000.array.last", -1, unsafe.Pointer(gMidArr[2].ptrs[998]), 16, "main.MidMaskLeaf", live, "global:main.gMidArr", "")
	cnt("main.Mid8000", 1, 0)
	cnt("main.MidMaskLeaf", 6, 0)

	gBigPtrs = make([]*BigElem, 20000)
	for i := 0; i < 20000; i += 1999 {
		gBigPtrs[i] = &BigElem{int64(i), 0}
	}
	arr("big.ptrs", "*main.BigElem", unsafe.Pointer(&gBigPtrs[0]), 8, 20000, 20000, live, "global:main.gBigPtrs")
	cnt("main.BigElem", 11, 0)
}

//go:noinline
func lateBig() {
	gLate2400 = new(Late2400)
	gLate2400.rows[0].p = &LateLeaf{1, 0}
	gLate2400.rows[148].p = &LateLeaf{2, 0}
	gLate2400.p = &LateLeaf{3, 0}
	gLateHuge = new(LateHuge)
	gLateHuge.rows[8199].p = &LateLeaf{4, 0}
	rec("late2400", -1, unsafe.Pointer(gLate2400), unsafe.Sizeof(*gLate2400), "main.Late2400", live, "global:main.gLate2400", "")
	rec("late2400.leaf", -1, unsafe.Pointer(gLate2400.p), 16, "main.LateLeaf", live, "global:main.gLate2400", "")
	rec("latehuge", -1, unsafe.Pointer(gLateHuge), unsafe.Sizeof(*gLateHuge), "main.LateHuge", live, "global:main.gLateHuge", "")
	rec("latehuge.leaf", -1, unsafe.Pointer(gLateHuge.rows[8199].p), 16, "main.LateLeaf", live, "global:main.gLateHuge", "")
	cnt("main.Late2400", 1, 0)
	cnt("main.LateHuge", 1, 0)
	cnt("main.LateLeaf", 4, 0)
}
