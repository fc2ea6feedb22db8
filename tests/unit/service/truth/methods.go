// SPDX-License-Identifier: MIT

//go:build go1.27
// +build go1.27

package main

//go:noinline
func (l *list[K, V]) convert[T any](t T, c chan int) { <-c; _ = t }

func init() {
	later = append(later, func(c chan int) {
		go (&list[string, int]{"x", nil}).convert(4.5, c)
	})
}
