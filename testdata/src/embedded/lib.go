// Command embedded is Go inside a C program: built with -buildmode=c-archive or c-shared, and called from main.c.
package main

import "C"

import (
	"runtime"
	"time"
	"unsafe"
)

type Node struct {
	next *Node
	kept *Kept
}
type Kept struct{ a, b, c int64 }

var gNodes *Node

//export heapconv_go
func heapconv_go() {
	gMode = "wait"
	truthHeader("embedded")
	for i := 0; i < 3000; i++ {
		gNodes = &Node{gNodes, &Kept{int64(i), 1, 2}}
		if i%500 == 0 {
			rec("node", i, unsafe.Pointer(gNodes), unsafe.Sizeof(*gNodes), "main.Node", live, "global:main.gNodes", "")
			rec("kept", i, unsafe.Pointer(gNodes.kept), 24, "main.Kept", live, "global:main.gNodes", "")
		}
	}
	cnt("main.Node", 3000, 0)
	cnt("main.Kept", 3000, 0)
	time.Sleep(100 * time.Millisecond)
	runtime.GC()
	truthEnd(createFile("truth"))
	for {
		time.Sleep(time.Hour)
	}
}

func main() {}
