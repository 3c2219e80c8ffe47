// Package main is the plugin of the command above it.
package main

import "unsafe"

type Item struct {
	leaf *Leaf
	name string
	n    int
}
type Leaf struct{ a, b, c int64 }
type OnStack struct{ a, b int64 }

var (
	gOwn   []*Leaf // a variable of the plugin
	gNever = make(chan bool)
)

func NewItem(n int) (interface{}, unsafe.Pointer) {
	it := &Item{&Leaf{int64(n), 1, 2}, "item", n}
	return it, unsafe.Pointer(it)
}

// Run leaves a goroutine in the plugin's code, and something in its variable.
func Run() {
	for i := 0; i < 50; i++ {
		gOwn = append(gOwn, &Leaf{int64(i), 3, 4})
	}
	go wait(&OnStack{1, 2})
}

//go:noinline
func wait(s *OnStack) {
	<-gNever
	s.a++
}

func main() {}
