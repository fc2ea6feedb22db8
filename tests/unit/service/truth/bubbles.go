// SPDX-License-Identifier: MIT

//go:build go1.24
// +build go1.24

package main

import (
	"sync"
	"time"
)

// bubble parks goroutines in every way that counts as idle in a synctest bubble, and in one that does
// not, so that its clock stands still.
func bubble(outside chan int) {
	c := make(chan int)
	go func() {
		<-c
	}()
	go func() {
		var n chan int
		<-n
	}()
	go func() {
		time.Sleep(time.Hour)
	}()
	go func() {
		cond := sync.NewCond(new(sync.Mutex))
		cond.L.Lock()
		cond.Wait()
	}()
	go func() {
		select {}
	}()
	go func() {
		select {
		case <-c:
		case <-make(chan int):
		}
	}()
	<-outside
}
