package main

import "unsafe"

type ListNode struct {
	next *ListNode
	val  int64
}

type TreeNode struct {
	left, right *TreeNode
	key         int64
	tag         *TreeTag
}

type TreeTag struct {
	name string
	n    int64
}

type RingNode struct {
	prev, next *RingNode
	id         int32
	data       [5]int32
}

type DListElem struct {
	prev, next *DListElem
	owner      *DList
	val        interface{}
}

type DListVal struct{ a, b, c int64 }

type DList struct {
	root DListElem // sentinel inside the list itself, as in container/list
	n    int
}

// SelfRef points at itself, MutualA and MutualB at each other.
type SelfRef struct {
	self *SelfRef
	pad  [3]int64
}

type MutualA struct {
	b *MutualB
	n int64
}

type MutualB struct {
	a *MutualA
	n [3]int64
}

var (
	gList  *ListNode
	gTree  *TreeNode
	gRing  *RingNode
	gDList *DList
	gSelf  *SelfRef
	gMut   *MutualA
)

func buildTree(depth int, key *int64) *TreeNode {
	if depth == 0 {
		return nil
	}
	n := &TreeNode{}
	n.left = buildTree(depth-1, key)
	n.key = *key
	*key++
	if n.key%4 == 0 {
		n.tag = &TreeTag{name: mkstr("tag-of-the-tree-", int(n.key), 4), n: n.key}
	}
	n.right = buildTree(depth-1, key)
	return n
}

//go:noinline
func buildLists() {
	for i := 999; i >= 0; i-- {
		gList = &ListNode{gList, int64(i)}
	}
	cnt("main.ListNode", 1000, 0)
	i := 0
	for n := gList; n != nil; n = n.next {
		if i%250 == 0 || i == 999 {
			rec("list.node", i, unsafe.Pointer(n), unsafe.Sizeof(*n), "main.ListNode", live, "global:main.gList", "")
		}
		i++
	}
	glob("main.gList", unsafe.Pointer(&gList), 8, "*main.ListNode")

	var key int64
	gTree = buildTree(8, &key)
	cnt("main.TreeNode", 255, 0)
	cnt("main.TreeTag", 64, 0)
	rec("tree.root", -1, unsafe.Pointer(gTree), unsafe.Sizeof(*gTree), "main.TreeNode", live, "global:main.gTree", "")
	rec("tree.leaf", -1, unsafe.Pointer(gTree.left.left.left.left.left.left.left), unsafe.Sizeof(*gTree), "main.TreeNode", live, "global:main.gTree", "")

	gRing = &RingNode{id: 0}
	gRing.next, gRing.prev = gRing, gRing
	for i := 1; i < 16; i++ {
		n := &RingNode{id: int32(i), prev: gRing, next: gRing.next}
		gRing.next.prev = n
		gRing.next = n
	}
	cnt("main.RingNode", 16, 0)
	rec("ring", -1, unsafe.Pointer(gRing), unsafe.Sizeof(*gRing), "main.RingNode", live, "global:main.gRing", "")

	gDList = &DList{}
	gDList.root.next, gDList.root.prev = &gDList.root, &gDList.root
	for i := 0; i < 40; i++ {
		e := &DListElem{owner: gDList, val: &DListVal{int64(i), 2, 3}}
		at := gDList.root.prev
		e.prev, e.next = at, at.next
		at.next.prev = e
		at.next = e
		gDList.n++
	}
	cnt("main.DList", 1, 0)
	cnt("main.DListElem", 40, 0)
	cnt("main.DListVal", 40, 0)
	rec("dlist", -1, unsafe.Pointer(gDList), unsafe.Sizeof(*gDList), "main.DList", live, "global:main.gDList", "")
	rec("dlist.first", -1, unsafe.Pointer(gDList.root.next), unsafe.Sizeof(DListElem{}), "main.DListElem", live, "global:main.gDList", "")

	gSelf = &SelfRef{}
	gSelf.self = gSelf
	cnt("main.SelfRef", 1, 0)
	rec("selfref", -1, unsafe.Pointer(gSelf), unsafe.Sizeof(*gSelf), "main.SelfRef", live, "global:main.gSelf", "")
	gMut = &MutualA{b: &MutualB{}}
	gMut.b.a = gMut
	cnt("main.MutualA", 1, 0)
	cnt("main.MutualB", 1, 0)
	rec("mutual.a", -1, unsafe.Pointer(gMut), unsafe.Sizeof(*gMut), "main.MutualA", live, "global:main.gMut", "")
	rec("mutual.b", -1, unsafe.Pointer(gMut.b), unsafe.Sizeof(*gMut.b), "main.MutualB", live, "global:main.gMut", "")

	cnt("main.MainHeld", 1, 0)
	cnt("main.MainHeldLeaf", 1, 0)
	rec("main.held", -1, unsafe.Pointer(gMainHeld), unsafe.Sizeof(*gMainHeld), "main.MainHeld", live, "stack:main.finish.h", "")
}
