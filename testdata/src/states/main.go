// Command states is caught in states that a process passes through, or dies in
// one of the ways that the runtime knows.
//
//	states MODE TRUTH [DUMP]
//
// MODE is one of
//
//	idle     wait
//	many     100000 goroutines wait, each with an object of its own
//	mark     collect garbage for ever, while others allocate and write pointers
//	malloc   allocate in all sizes for ever, in more goroutines than processors
//	unswept  dies when a collection has just marked and not everything is swept
//	grow     stacks grow and shrink for ever
//	huge     an object of more than a gigabyte
//	bigmap   a map of a million entries
//	oom      out of memory (run it with a limited address space)
//	overflow a goroutine's stack overflows
//	race     concurrent map writes
//	deadlock all goroutines are asleep
//	throw    unlock of an unlocked mutex
//	maps     dies with 70000 mappings
//
// What it keeps is the same in all of them: see keep().
package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

type Node struct {
	next *Node
	name string
	kept *Kept
}
type Kept struct{ a, b, c int64 }
type Gone struct {
	next *Gone
	n    int64
}
type PerG struct{ a, b int64 }
type Big struct {
	p    *Kept
	data [8192]byte
}

var (
	gNodes  *Node
	gMap    map[int]*Kept
	gBigs   []*Big
	gHuge   []byte
	gHugeP  []*Kept
	gBigMap map[uint64]*Kept
	gSink   unsafe.Pointer
	gNever  = make(chan struct{})
	gReady  sync.WaitGroup
)

// keep makes what every snapshot of this program holds: 5000 nodes with a name
// and a value each, 1000 values in a map, 20 large objects.
//
//go:noinline
func keep() {
	for i := 0; i < 5000; i++ {
		gNodes = &Node{gNodes, mkstr("node-name-", i, 8), &Kept{int64(i), 1, 2}}
		if i%500 == 0 {
			rec("node", i, unsafe.Pointer(gNodes), unsafe.Sizeof(*gNodes), "main.Node", live, "global:main.gNodes", "")
			rec("node.kept", i, unsafe.Pointer(gNodes.kept), 24, "main.Kept", live, "global:main.gNodes", "")
		}
	}
	gMap = map[int]*Kept{}
	for i := 0; i < 1000; i++ {
		gMap[i] = &Kept{int64(i), 3, 4}
	}
	for i := 0; i < 20; i++ {
		b := &Big{p: &Kept{int64(i), 5, 6}}
		gBigs = append(gBigs, b)
		rec("big", i, unsafe.Pointer(b), unsafe.Sizeof(*b), "main.Big", live, "global:main.gBigs", "")
	}
	cnt("main.Node", 5000, 0)
	cnt("main.Big", 20, 0)
}

//go:noinline
func kept(n int) { cnt("main.Kept", 5000+1000+20+n, 0) }

//go:noinline
func perG(i int) {
	p := &PerG{int64(i), 7}
	if i%10000 == 0 {
		rec("perg", i, unsafe.Pointer(p), 16, "main.PerG", live, "stack:main.perG.p", "")
	}
	gReady.Done()
	<-gNever
	runtime.KeepAlive(p)
}

//go:noinline
func churn(n int) *Gone {
	var l *Gone
	for i := 0; i < n; i++ {
		l = &Gone{l, int64(i)}
	}
	return l
}

var sizes = [...]int{1, 8, 17, 100, 512, 520, 1500, 9000, 40000}

// allocate makes all kinds of objects, for ever.
func allocate() {
	for i := 0; ; i++ {
		b := make([]byte, sizes[i%len(sizes)])
		gSink = unsafe.Pointer(&b[0])
		p := make([]*Gone, sizes[i%len(sizes)]/8+1)
		p[0] = churn(20)
		gSink = unsafe.Pointer(&p[0])
	}
}

//go:noinline
func deep(n int) int {
	var pad [40]int
	if n == 0 {
		return pad[0]
	}
	pad[n%40] = n
	return deep(n-1) + pad[(n+1)%40]
}

//go:noinline
func endless(n int) int { return endless(n+1) + deep(1) }

func start(n int, f func()) {
	for i := 0; i < n; i++ {
		go f()
	}
	time.Sleep(100 * time.Millisecond)
}

func main() {
	gMode = "idle"
	if len(os.Args) > 1 {
		gMode = os.Args[1]
	}
	truthHeader("states")
	keep()
	extra := 0
	switch gMode {
	case "many":
		gReady.Add(100000)
		for i := 0; i < 100000; i++ {
			go perG(i)
		}
		gReady.Wait()
		cnt("main.PerG", 100000, 0)
	case "huge":
		gHuge = make([]byte, 1<<30+12345)
		for i := 0; i < len(gHuge); i += 1 << 20 {
			gHuge[i] = 1
		}
		gHugeP = make([]*Kept, 40<<20/8)
		for i := 0; i < 100; i++ {
			gHugeP[i*50000] = &Kept{int64(i), 8, 9}
		}
		extra = 100
		arr("huge", "uint8", unsafe.Pointer(&gHuge[0]), 1, len(gHuge), len(gHuge), live, "global:main.gHuge")
		arr("hugep", "*main.Kept", unsafe.Pointer(&gHugeP[0]), 8, len(gHugeP), len(gHugeP), live, "global:main.gHugeP")
	case "bigmap":
		gBigMap = map[uint64]*Kept{}
		for i := uint64(0); i < 1000000; i++ {
			gBigMap[i*0x9e3779b97f4a7c15] = &Kept{int64(i), 10, 11}
		}
		extra = 1000000
	}
	kept(extra)
	runtime.GC()
	fd, _ := create(2), create(3)
	truthEnd(fd)
	finish()
}

//go:noinline
func finish() {
	switch gMode {
	case "mark":
		start(2, allocate)
		for {
			runtime.GC()
		}
	case "malloc":
		debug.SetGCPercent(50)
		start(6, allocate)
	case "many":
		if os.Getenv("DIE") != "" {
			die()
		}
	case "unswept":
		condemn()
	case "maps":
		mappings(70000)
		die()
	case "grow":
		start(4, func() {
			for i := 0; ; i++ {
				deep(i % 20000)
				if i%50 == 0 {
					runtime.GC()
				}
			}
		})
	case "oom":
		var all [][]byte
		for {
			b := make([]byte, 64<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			all = append(all, b)
		}
	case "overflow":
		debug.SetMaxStack(64 << 20)
		endless(0)
	case "race":
		m := map[int]int{}
		for k := 0; k < 4; k++ {
			go func() {
				for i := 0; ; i++ {
					m[i%100] = i
				}
			}()
		}
	case "deadlock":
		var mu sync.Mutex
		mu.Lock()
		mu.Lock()
	case "throw":
		var mu sync.Mutex
		mu.Unlock()
	}
	for {
		time.Sleep(time.Hour)
	}
}

// condemn makes garbage of many spans and dies before the sweeper gets to work.
//
//go:noinline
func condemn() {
	debug.SetGCPercent(-1)
	for i := 0; i < 30; i++ {
		gSink = unsafe.Pointer(churn(100000))
	}
	gSink = nil
	// ReadGCStats does not stop the world: that would give the sweeper its turn.
	var st debug.GCStats
	st.Pause = make([]time.Duration, 0, 1000)
	debug.ReadGCStats(&st)
	n := st.NumGC
	go func() {
		debug.SetGCPercent(10)
		for {
			gSink = unsafe.Pointer(churn(10))
		}
	}()
	for st.NumGC == n {
		debug.ReadGCStats(&st)
	}
	die()
}

// mappings makes n of them: pages of the same kind side by side are one.
func mappings(n int) {
	const page = 4096
	m, err := syscall.Mmap(-1, 0, n*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		println("states:", err.Error())
		os.Exit(1)
	}
	for i := 0; i < n; i += 2 {
		m[i*page] = 1
		if err := syscall.Mprotect(m[i*page:(i+1)*page], syscall.PROT_READ); err != nil {
			println("states:", err.Error())
			os.Exit(1)
		}
	}
}

// die ends the process at once, by a signal that the runtime does not handle: no thread gets any further.
//
//go:noinline
func die() {
	const words = 4 // struct sigaction of the kernel: handler, flags, restorer, mask
	var dfl [words]uintptr
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGABRT), uintptr(unsafe.Pointer(&dfl)), 0, 8, 0, 0)
	syscall.RawSyscall(syscall.SYS_KILL, uintptr(syscall.Getpid()), uintptr(syscall.SIGABRT), 0)
}
