//go:build !go1.23

package main

const timersCollectable = false

func build123()       {}
func startCoroutine() {}
