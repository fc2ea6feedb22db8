// SPDX-License-Identifier: MIT

//go:build go1.23
// +build go1.23

package main

import (
	"context"
	"iter"
	"runtime/pprof"
	"time"
)

func init() {
	later = append(later, func(c chan int) {
		next, _ := iter.Pull(func(yield func(int) bool) {
			yield(1)
			<-c
		})
		next()
		go next()
		labels := pprof.Labels("plain", "a/b.c_1", "quoted key", "tab\there \"é\" \U0001F600\x80")
		go pprof.Do(context.Background(), labels, func(context.Context) { <-c })
		go func() {
			t := time.NewTimer(time.Hour)
			<-t.C
		}()
	})
}
