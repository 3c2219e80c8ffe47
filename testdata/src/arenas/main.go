// Command arenas allocates in user arenas (GOEXPERIMENT=arenas).
//
//	arenas MODE TRUTH [DUMP]
package main

import (
	"arena"
	"os"
	"runtime"
	"time"
	"unsafe"
)

type Item struct {
	next *Item
	heap *Kept // outside of the arena
	name string
}
type Kept struct{ a, b, c int64 }
type Wide struct {
	data [100]int64
	p    *Kept
}

var (
	gArena *arena.Arena
	gItems *Item
	gWides []*Wide
	gSlice []*Kept
)

func main() {
	gMode = os.Args[1]
	truthHeader("arenas")
	gArena = arena.NewArena()
	for i := 0; i < 500; i++ {
		it := arena.New[Item](gArena)
		it.next, it.heap, it.name = gItems, &Kept{int64(i), 1, 2}, "item"
		gItems = it
		w := arena.New[Wide](gArena)
		w.p = &Kept{int64(i), 3, 4}
		gWides = append(gWides, w)
	}
	gSlice = arena.MakeSlice[*Kept](gArena, 100, 100)
	for i := range gSlice {
		gSlice[i] = &Kept{int64(i), 5, 6}
		rec("kept", i, unsafe.Pointer(gSlice[i]), 24, "main.Kept", live, "global:main.gSlice", "")
	}
	cnt("main.Kept", 1100, 0)
	freed := arena.NewArena()
	for i := 0; i < 100; i++ {
		arena.New[Wide](freed).p = &Kept{int64(i), 7, 8}
	}
	freed.Free()
	time.Sleep(100 * time.Millisecond)
	runtime.GC()
	runtime.GC()
	fd, _ := create(2), create(3)
	truthEnd(fd)
	for {
		time.Sleep(time.Hour)
	}
}
