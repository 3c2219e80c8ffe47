package main

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

type SyncMapVal struct{ a, b int64 }
type SyncMapKey struct{ a, b int64 }
type PoolObj struct{ a, b int64 }
type PoolVictim struct{ a, b int64 }
type AtomicVal struct {
	leaf *AtomicLeaf
	n    int64
}
type AtomicLeaf struct{ a, b int64 }
type OnceObj struct{ a, b int64 }

var (
	gSyncMap    sync.Map
	gPool       sync.Pool
	gAtomicVal  atomic.Value // a struct, boxed
	gAtomicPtrV atomic.Value // a pointer
	gUnsafePtr  unsafe.Pointer
	gOnce       sync.Once
	gOnceObj    *OnceObj
	gMuHeld     sync.Mutex
	gRW         sync.RWMutex
	gWG         sync.WaitGroup
	gCond       = sync.NewCond(&sync.Mutex{})
)

//go:noinline
func buildSyncs() {
	for i := 0; i < 120; i++ {
		gSyncMap.Store(SyncMapKey{int64(i), 0}, &SyncMapVal{int64(i), 0})
	}
	for i := 0; i < 60; i++ { // promotes the dirty map up to Go 1.23
		gSyncMap.Load(SyncMapKey{int64(i), 0})
		gSyncMap.Load(SyncMapKey{int64(i), 1})
	}
	for i := 100; i < 120; i++ {
		gSyncMap.Delete(SyncMapKey{int64(i), 0})
	}
	cnt("main.SyncMapVal", 100, 0)
	if v, ok := gSyncMap.Load(SyncMapKey{50, 0}); ok {
		rec("syncmap.val", 50, unsafe.Pointer(v.(*SyncMapVal)), 16, "main.SyncMapVal", live, "global:main.gSyncMap", "")
	}
	gAtomicVal.Store(AtomicVal{&AtomicLeaf{1, 2}, 3})
	gAtomicPtrV.Store(&AtomicVal{&AtomicLeaf{4, 5}, 6})
	cnt("main.AtomicVal", 2, 0)
	cnt("main.AtomicLeaf", 2, 0)
	gOnce.Do(func() { gOnceObj = &OnceObj{1, 2} })
	cnt("main.OnceObj", 1, 0)
	atomic.StorePointer(&gUnsafePtr, unsafe.Pointer(newUnsafeTarget()))
	cnt("main.UnsafeTarget", 1, 0)
	rec("unsafe.target", -1, gUnsafePtr, 16, "main.UnsafeTarget", live, "global:main.gUnsafePtr", "typed=no")
}

type UnsafeTarget struct{ a, b int64 }

//go:noinline
func newUnsafeTarget() *UnsafeTarget { return &UnsafeTarget{1, 2} }

// poolVictims fills the pool between the two collections: the second one
// moves these to the pool's victim cache.
//
//go:noinline
func poolVictims() {
	for i := 0; i < 3; i++ {
		gPool.Put(&PoolVictim{int64(i), 0})
	}
	cnt("main.PoolVictim", 3, 0)
}

//go:noinline
func poolPuts() {
	for i := 0; i < 5; i++ {
		o := &PoolObj{int64(i), 0}
		rec("pool.obj", i, unsafe.Pointer(o), 16, "main.PoolObj", live, "global:main.gPool", "")
		gPool.Put(o)
	}
	cnt("main.PoolObj", 5, 0)
}
