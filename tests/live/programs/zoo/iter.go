//go:build go1.23
// +build go1.23

package main

import "iter"

func init() { starters = append(starters, startIterators) }

//go:noinline
func numbers(yield func(int) bool) {
	for i := 0; yield(i); i++ {
	}
}

// blockedNumbers waits for ever before its second number.
//
//go:noinline
func blockedNumbers(yield func(int) bool) {
	if yield(1) {
		<-forever
	}
	yield(2)
}

//go:noinline
func pulled() {
	next, stop := iter.Pull(numbers)
	defer stop()
	next()
	<-forever
}

//go:noinline
func pullBlocked() {
	next, stop := iter.Pull(blockedNumbers)
	defer stop()
	next()
	next()
}

//go:noinline
func pullNotStarted() {
	next, stop := iter.Pull2(func(yield func(int, string) bool) { yield(1, "one") })
	<-forever
	next()
	stop()
}

//go:noinline
func rangeFunction() int {
	sum := 0
	for i := range numbers {
		for j := range numbers {
			defer func() { sum++ }()
			if i == 1 && j == 1 {
				<-forever
			}
			if j == 2 {
				break
			}
		}
	}
	return sum
}

func startIterators() {
	go pulled()
	go pullBlocked()
	go pullNotStarted()
	go rangeFunction()
}
