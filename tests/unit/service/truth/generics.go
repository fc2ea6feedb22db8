// SPDX-License-Identifier: MIT

//go:build go1.18
// +build go1.18

package main

type list[K comparable, V any] struct {
	key  K
	rest []V
}

//go:noinline
func (l *list[K, V]) receive(c chan int) { <-c; _ = l.rest }

//go:noinline
func generic[T any](t T, c chan int) {
	func() { <-c; _ = t }()
}

func init() {
	later = append(later, func(c chan int) {
		go (&list[string, int]{"x", nil}).receive(c)
		go generic(struct{ a, b [4]int }{}, c)
		go generic[list[int8, error]](list[int8, error]{}, c)
	})
}
