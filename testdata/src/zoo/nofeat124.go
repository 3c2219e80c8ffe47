//go:build !go1.24

package main

func build124() {}
func late124()  {}
