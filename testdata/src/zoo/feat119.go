//go:build go1.19

package main

import (
	"sync/atomic"
	"unsafe"
)

type AtomicPtrTarget struct{ a, b int64 }

var (
	gAtomicPtr  atomic.Pointer[AtomicPtrTarget]
	gAtomicPtrs [3]*atomic.Pointer[AtomicPtrTarget]
)

//go:noinline
func build119() {
	gAtomicPtr.Store(&AtomicPtrTarget{1, 2})
	rec("atomic.ptr", -1, unsafe.Pointer(gAtomicPtr.Load()), 16, "main.AtomicPtrTarget", live, "global:main.gAtomicPtr", "")
	for i := range gAtomicPtrs {
		gAtomicPtrs[i] = new(atomic.Pointer[AtomicPtrTarget])
		gAtomicPtrs[i].Store(&AtomicPtrTarget{int64(i), 3})
	}
	cnt("main.AtomicPtrTarget", 4, 0)
}
