package main

import "unsafe"

type ChanElem struct{ a, b int64 }
type ChanVal struct {
	leaf *ChanLeaf
	n    int64
}
type ChanLeaf struct{ a, b int64 }
type ChanDead struct{ a, b int64 }
type ChanBig struct {
	pad  [6]int64
	leaf *ChanBigLeaf
}
type ChanBigLeaf struct{ a, b int64 }

var (
	gChanPtr   chan *ChanElem
	gChanVal   chan ChanVal
	gChanInt   chan int64
	gChanEmpty chan struct{}
	gChanUnbuf chan *ChanElem
	gChanIface chan interface{}
	gChanDead  chan *ChanDead
	gChanBig   chan ChanBig
	gChanClose chan *ChanElem
	gChanNil   chan int
	gChanChan  chan chan *ChanElem
)

func chanPtr(p unsafe.Pointer) unsafe.Pointer { return *(*unsafe.Pointer)(p) }

//go:noinline
func buildChans() {
	gChanPtr = make(chan *ChanElem, 10)
	for i := 0; i < 8; i++ {
		gChanPtr <- nil
	}
	for i := 0; i < 8; i++ {
		<-gChanPtr
	}
	for i := 0; i < 6; i++ { // wraps around the end of the buffer
		e := &ChanElem{int64(i), 0}
		rec("chan.elem", i, unsafe.Pointer(e), 16, "main.ChanElem", live, "global:main.gChanPtr", "")
		gChanPtr <- e
	}
	chant("main.gChanPtr", chanPtr(unsafe.Pointer(&gChanPtr)), "*main.ChanElem", 6, 10, live, "global:main.gChanPtr")
	gChanVal = make(chan ChanVal, 12)
	for i := 0; i < 7; i++ {
		gChanVal <- ChanVal{&ChanLeaf{int64(i), 0}, 5}
	}
	chant("main.gChanVal", chanPtr(unsafe.Pointer(&gChanVal)), "main.ChanVal", 7, 12, live, "global:main.gChanVal")
	cnt("main.ChanLeaf", 7, 0)
	gChanInt = make(chan int64, 16)
	for i := int64(0); i < 9; i++ {
		gChanInt <- i
	}
	chant("main.gChanInt", chanPtr(unsafe.Pointer(&gChanInt)), "int64", 9, 16, live, "global:main.gChanInt")
	gChanEmpty = make(chan struct{}, 100)
	for i := 0; i < 5; i++ {
		gChanEmpty <- struct{}{}
	}
	chant("main.gChanEmpty", chanPtr(unsafe.Pointer(&gChanEmpty)), "struct {}", 5, 100, live, "global:main.gChanEmpty")
	gChanUnbuf = make(chan *ChanElem)
	chant("main.gChanUnbuf", chanPtr(unsafe.Pointer(&gChanUnbuf)), "*main.ChanElem", 0, 0, live, "global:main.gChanUnbuf")
	gChanIface = make(chan interface{}, 4)
	gChanIface <- &ChanElem{100, 0}
	gChanIface <- ChanVal{n: int64(len(gChanPtr))} // not a constant: in the heap
	gChanIface <- 77
	chant("main.gChanIface", chanPtr(unsafe.Pointer(&gChanIface)), "interface {}", 3, 4, live, "global:main.gChanIface")
	cnt("main.ChanVal", 1, 0) // the boxed one
	gChanDead = make(chan *ChanDead, 5)
	for i := 0; i < 5; i++ {
		gChanDead <- &ChanDead{int64(i), 0}
	}
	gChanBig = make(chan ChanBig, 20) // buffer of 1120 bytes
	for i := 0; i < 20; i++ {
		gChanBig <- ChanBig{leaf: &ChanBigLeaf{int64(i), 0}}
	}
	chant("main.gChanBig", chanPtr(unsafe.Pointer(&gChanBig)), "main.ChanBig", 20, 20, live, "global:main.gChanBig")
	cnt("main.ChanBigLeaf", 20, 0)
	gChanClose = make(chan *ChanElem, 3)
	gChanClose <- &ChanElem{200, 0}
	close(gChanClose)
	chant("main.gChanClose", chanPtr(unsafe.Pointer(&gChanClose)), "*main.ChanElem", 1, 3, live, "global:main.gChanClose")
	gChanChan = make(chan chan *ChanElem, 2)
	c := make(chan *ChanElem, 1)
	c <- &ChanElem{300, 0}
	gChanChan <- c
	chant("main.gChanChan", chanPtr(unsafe.Pointer(&gChanChan)), "chan *main.ChanElem", 1, 2, live, "global:main.gChanChan")
	chant("chan.inchan", *(*unsafe.Pointer)(unsafe.Pointer(&c)), "*main.ChanElem", 1, 1, live, "global:main.gChanChan")
	cnt("main.ChanElem", 9, 0)
}

// lateChans takes elements out after the last collection.
//
//go:noinline
func lateChans() {
	for i := 0; i < 3; i++ {
		e := <-gChanDead
		rec("chan.received", i, unsafe.Pointer(e), 16, "main.ChanDead", dead, "none", "")
	}
	chant("main.gChanDead", chanPtr(unsafe.Pointer(&gChanDead)), "*main.ChanDead", 2, 5, live, "global:main.gChanDead")
	cnt("main.ChanDead", 2, 3)
}
