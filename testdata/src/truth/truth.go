// The printer of the truth, that testdata/gen.sh puts next to the source of
// each test program.

package main

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// The truth is text in a static buffer: writing it allocates nothing and
// keeps no object alive.
var (
	truth    [128 << 10]byte
	truthLen int
	truthMu  sync.Mutex
)

var (
	gMode string
	gMem  runtime.MemStats
)

// create makes the file that argument i names.
func create(i int) int {
	if i >= len(os.Args) || os.Args[i] == "-" {
		return -1
	}
	return createFile(os.Args[i])
}

func createFile(name string) int {
	fd, err := syscall.Open(name, syscall.O_CREAT|syscall.O_TRUNC|syscall.O_WRONLY|syscall.O_CLOEXEC, 0644)
	if err != nil {
		println("zoo: cannot create", name)
		os.Exit(1)
	}
	return fd
}

const (
	live = "live"
	dead = "dead"
)

// The printers are not inlined: it would double the size of the program.
//
//go:noinline
func puts(s string) { truthLen += copy(truth[truthLen:], s) }

//go:noinline
func putc(c byte) {
	if truthLen < len(truth) {
		truth[truthLen] = c
		truthLen++
	}
}

//go:noinline
func putd(n int64) {
	var b [20]byte
	i := len(b)
	u := uint64(n)
	if n < 0 {
		putc('-')
		u = -u
	}
	for {
		i--
		b[i] = byte('0' + u%10)
		u /= 10
		if u == 0 {
			break
		}
	}
	for ; i < len(b); i++ {
		putc(b[i])
	}
}

//go:noinline
func putx(u uintptr) {
	puts("0x")
	shift := 60
	for shift > 0 && u>>uint(shift) == 0 {
		shift -= 4
	}
	for ; shift >= 0; shift -= 4 {
		putc("0123456789abcdef"[u>>uint(shift)&15])
	}
}

// word puts s with the blanks replaced.
//
//go:noinline
func word(s string) {
	for i := 0; i < len(s); i++ {
		if s[i] == ' ' {
			putc('_')
		} else {
			putc(s[i])
		}
	}
}

func truthHeader(program string) {
	puts(program)
	puts(" format=1 go=")
	word(runtime.Version())
	puts(" arch=")
	puts(runtime.GOARCH)
	puts(" mode=")
	word(gMode)
	puts(" maxprocs=")
	putd(int64(runtime.GOMAXPROCS(0)))
	puts(" pid=")
	putd(int64(syscall.Getpid()))
	putc('\n')
}

// rec writes down one object. The address is the program's pointer, the size
// what was asked for; note is further key=value words.
//
//go:noinline
func rec(name string, idx int, p unsafe.Pointer, size uintptr, typ, state, root, note string) {
	truthMu.Lock()
	puts("object name=")
	puts(name)
	if idx >= 0 {
		putc('.')
		putd(int64(idx))
	}
	puts(" addr=")
	putx(uintptr(p))
	puts(" size=")
	putd(int64(size))
	puts(" type=")
	word(typ)
	puts(" state=")
	puts(state)
	puts(" root=")
	puts(root)
	if note != "" {
		putc(' ')
		puts(note)
	}
	putc('\n')
	truthMu.Unlock()
}

// arr writes down the backing array of a slice.
//
//go:noinline
func arr(name, elem string, p unsafe.Pointer, elemSize uintptr, n, c int, state, root string) {
	truthMu.Lock()
	puts("array name=")
	puts(name)
	puts(" elem=")
	word(elem)
	puts(" addr=")
	putx(uintptr(p))
	puts(" len=")
	putd(int64(n))
	puts(" cap=")
	putd(int64(c))
	puts(" size=")
	putd(int64(elemSize) * int64(c))
	if state == live {
		puts(" live=1")
	} else {
		puts(" live=0")
	}
	puts(" root=")
	puts(root)
	putc('\n')
	truthMu.Unlock()
}

// cnt writes down how many single objects there are of a type.
//
//go:noinline
func cnt(typ string, liveN, deadN int) {
	truthMu.Lock()
	puts("count type=")
	word(typ)
	puts(" live=")
	putd(int64(liveN))
	puts(" dead=")
	putd(int64(deadN))
	putc('\n')
	truthMu.Unlock()
}

// mapt writes down a map: the address of its header, and what it holds.
//
//go:noinline
func mapt(name string, p unsafe.Pointer, key, elem string, n int) {
	truthMu.Lock()
	puts("map name=")
	puts(name)
	puts(" addr=")
	putx(uintptr(p))
	puts(" entries=")
	putd(int64(n))
	puts(" key=")
	word(key)
	puts(" elem=")
	word(elem)
	putc('\n')
	truthMu.Unlock()
}

// chant writes down a channel.
//
//go:noinline
func chant(name string, p unsafe.Pointer, elem string, n, c int, state, root string) {
	truthMu.Lock()
	puts("chan name=")
	puts(name)
	puts(" addr=")
	putx(uintptr(p))
	puts(" elem=")
	word(elem)
	puts(" len=")
	putd(int64(n))
	puts(" cap=")
	putd(int64(c))
	puts(" state=")
	puts(state)
	puts(" root=")
	puts(root)
	putc('\n')
	truthMu.Unlock()
}

// strt writes down the bytes of a string.
//
//go:noinline
func strt(name string, idx int, p unsafe.Pointer, n int, state, root string) {
	truthMu.Lock()
	puts("string name=")
	puts(name)
	if idx >= 0 {
		putc('.')
		putd(int64(idx))
	}
	puts(" addr=")
	putx(uintptr(p))
	puts(" len=")
	putd(int64(n))
	puts(" state=")
	puts(state)
	puts(" root=")
	puts(root)
	putc('\n')
	truthMu.Unlock()
}

// glob writes down the address of a package variable.
//
//go:noinline
func glob(name string, p unsafe.Pointer, size uintptr, typ string) {
	truthMu.Lock()
	puts("global name=")
	puts(name)
	puts(" addr=")
	putx(uintptr(p))
	puts(" size=")
	putd(int64(size))
	puts(" type=")
	word(typ)
	putc('\n')
	truthMu.Unlock()
}

var stackBuf [256]byte

// gor writes down the calling goroutine, that is about to wait.
//
//go:noinline
func gor(state, reason, fn string) {
	truthMu.Lock()
	n := runtime.Stack(stackBuf[:], false)
	id := int64(0)
	for i := len("goroutine "); i < n && stackBuf[i] >= '0' && stackBuf[i] <= '9'; i++ {
		id = id*10 + int64(stackBuf[i]-'0')
	}
	puts("goroutine id=")
	putd(id)
	puts(" state=")
	puts(state)
	if reason != "" {
		puts(" reason=")
		word(reason)
	}
	puts(" func=")
	puts(fn)
	putc('\n')
	truthMu.Unlock()
}

func truthMem(m *runtime.MemStats) {
	puts("memstats HeapObjects=")
	putd(int64(m.HeapObjects))
	puts(" HeapAlloc=")
	putd(int64(m.HeapAlloc))
	puts(" Mallocs=")
	putd(int64(m.Mallocs))
	puts(" Frees=")
	putd(int64(m.Frees))
	puts(" NumGC=")
	putd(int64(m.NumGC))
	puts(" HeapSys=")
	putd(int64(m.HeapSys))
	puts(" HeapIdle=")
	putd(int64(m.HeapIdle))
	puts(" HeapInuse=")
	putd(int64(m.HeapInuse))
	puts(" HeapReleased=")
	putd(int64(m.HeapReleased))
	puts(" StackInuse=")
	putd(int64(m.StackInuse))
	puts(" StackSys=")
	putd(int64(m.StackSys))
	puts(" MSpanInuse=")
	putd(int64(m.MSpanInuse))
	puts(" MCacheInuse=")
	putd(int64(m.MCacheInuse))
	puts(" Sys=")
	putd(int64(m.Sys))
	puts(" goroutines=")
	putd(int64(runtime.NumGoroutine()))
	puts("\nend\n")
}

// truthEnd adds the figures of the heap and writes it all. It allocates
// nothing.
func truthEnd(fd int) {
	runtime.ReadMemStats(&gMem)
	truthMem(&gMem)
	if fd >= 0 {
		truthWrite(fd)
		syscall.Close(fd)
	}
}

func truthWrite(fd int) {
	for off := 0; off < truthLen; {
		n, err := syscall.Write(fd, truth[off:truthLen])
		if err != nil || n <= 0 {
			println("zoo: cannot write the truth")
			return
		}
		off += n
	}
}

// mkstr makes a string in the heap: prefix, a number of at least w digits.
//
//go:noinline
func mkstr(prefix string, n, w int) string {
	var b [64]byte
	l := copy(b[:40], prefix)
	for i := w - 1; i >= 0; i-- {
		b[l+i] = byte('0' + n%10)
		n /= 10
	}
	return string(b[:l+w])
}

// strPtr gives the pointer word of a string.
func strPtr(s string) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&s)) }
