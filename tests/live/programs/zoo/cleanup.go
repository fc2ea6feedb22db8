//go:build go1.24
// +build go1.24

package main

import (
	"runtime"
	"time"
)

func init() { starters = append(starters, startCleanup) }

//go:noinline
func cleanupBlocked(n int) { <-forever; sink += n }

// startCleanup leaves the goroutine that runs cleanups blocked in a function of this program.
func startCleanup() {
	started := make(chan bool)
	func() {
		object := new([64]int)
		runtime.AddCleanup(object, func(n int) {
			close(started)
			cleanupBlocked(n)
		}, 5)
	}()
	for i := 0; i < 50; i++ {
		runtime.GC()
		select {
		case <-started:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}
