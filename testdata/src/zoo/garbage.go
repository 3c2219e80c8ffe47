package main

import "unsafe"

type GarbageNode struct {
	next *GarbageNode
	to   *ListNode // a live object: this is not a reference that counts
	n    int64
}
type GarbageBig struct {
	p    *GarbageNode
	data [250]int64
	q    *GarbageNode
}
type GarbageElem struct {
	p *GarbageNode
	n int64
}
type GarbageVal struct{ a, b int64 }
type GarbageCycle struct{ other *GarbageCycle }
type GarbageHuge struct{ p [5000]*GarbageNode }

var gGarbageLost unsafe.Pointer

// makeGarbage allocates objects after the last collection that nothing
// refers to when it returns.
//
//go:noinline
func makeGarbage() {
	nodes := garbageNodes(500)
	for i, n := 0, nodes; n != nil; i, n = i+1, n.next {
		if i%100 == 0 || i == 499 {
			rec("garbage.node", i, unsafe.Pointer(n), unsafe.Sizeof(*n), "main.GarbageNode", dead, "none", "")
		}
	}
	cnt("main.GarbageNode", 0, 500)
	for i := 0; i < 3; i++ {
		b := &GarbageBig{p: nodes, q: nodes.next}
		escape(unsafe.Pointer(b))
		rec("garbage.big", i, unsafe.Pointer(b), unsafe.Sizeof(*b), "main.GarbageBig", dead, "none", "")
	}
	cnt("main.GarbageBig", 0, 3)
	s := make([]GarbageElem, 50)
	escape(unsafe.Pointer(&s[0]))
	arr("garbage.slice", "main.GarbageElem", unsafe.Pointer(&s[0]), 16, 50, 50, dead, "none")
	b := make([]byte, 100000)
	escape(unsafe.Pointer(&b[0]))
	arr("garbage.bytes", "uint8", unsafe.Pointer(&b[0]), 1, 100000, 100000, dead, "none")
	m := make(map[int]*GarbageVal)
	for i := 0; i < 50; i++ {
		v := &GarbageVal{int64(i), 0}
		m[i] = v
		if i%25 == 0 {
			rec("garbage.map.val", i, unsafe.Pointer(v), 16, "main.GarbageVal", dead, "none", "")
		}
	}
	escape(*(*unsafe.Pointer)(unsafe.Pointer(&m)))
	cnt("main.GarbageVal", 0, 50)
	c1 := &GarbageCycle{}
	c1.other = &GarbageCycle{c1}
	escape(unsafe.Pointer(c1))
	rec("garbage.cycle", 0, unsafe.Pointer(c1), 8, "main.GarbageCycle", dead, "none", "")
	rec("garbage.cycle", 1, unsafe.Pointer(c1.other), 8, "main.GarbageCycle", dead, "none", "")
	cnt("main.GarbageCycle", 0, 2)
	h := new(GarbageHuge)
	h.p[0], h.p[4999] = nodes, nodes
	escape(unsafe.Pointer(h))
	rec("garbage.huge", -1, unsafe.Pointer(h), unsafe.Sizeof(*h), "main.GarbageHuge", dead, "none", "")
	cnt("main.GarbageHuge", 0, 1)
}

//go:noinline
func garbageNodes(n int) *GarbageNode {
	var head *GarbageNode
	for i := 0; i < n; i++ {
		head = &GarbageNode{head, gList, int64(i)}
	}
	return head
}
