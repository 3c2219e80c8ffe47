//go:build go1.26

package main

// A struct of a pointer and things of no size is its own interface word.
const ptrNothingDirect = true
