// Command plugin loads plug.so, which has types, functions and variables of its own, and waits.
//
//	plugin MODE TRUTH [DUMP]
package main

import (
	"os"
	"plugin"
	"runtime"
	"time"
	"unsafe"
)

type Host struct {
	next *Host
	item interface{} // of a type that only the plugin knows
}

var gHosts *Host

func main() {
	gMode = os.Args[1]
	truthHeader("plugin")
	p, err := plugin.Open("./plug.so")
	if err != nil {
		println("plugin:", err.Error())
		os.Exit(1)
	}
	sym, _ := p.Lookup("NewItem")
	newItem := sym.(func(int) (interface{}, unsafe.Pointer))
	run, _ := p.Lookup("Run")
	for i := 0; i < 200; i++ {
		item, at := newItem(i)
		gHosts = &Host{gHosts, item}
		rec("host", i, unsafe.Pointer(gHosts), unsafe.Sizeof(*gHosts), "main.Host", live, "global:main.gHosts", "")
		rec("item", i, at, 32, "heapconv.test/plugin/plug.Item", live, "global:main.gHosts", "")
	}
	cnt("main.Host", 200, 0)
	run.(func())()
	time.Sleep(100 * time.Millisecond)
	runtime.GC()
	fd, _ := create(2), create(3)
	truthEnd(fd)
	for {
		time.Sleep(time.Hour)
	}
}
