//go:build go1.21

package main

import (
	"runtime"
	"unsafe"
)

type PinnedObj struct{ a, b int64 }

var gPinner runtime.Pinner

// build121 pins objects that nothing but the pinner holds; one of them twice.
//
//go:noinline
func build121() {
	for i := 0; i < 7; i++ {
		p := &PinnedObj{int64(i), 0}
		gPinner.Pin(p)
		if i == 0 {
			gPinner.Pin(p)
			gPinner.Pin(p)
		}
		rec("pinned", i, unsafe.Pointer(p), 16, "main.PinnedObj", live, "global:main.gPinner", "typed=no")
	}
	cnt("main.PinnedObj", 7, 0)
}
