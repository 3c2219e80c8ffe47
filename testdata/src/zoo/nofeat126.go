//go:build !go1.26

package main

const ptrNothingDirect = false
