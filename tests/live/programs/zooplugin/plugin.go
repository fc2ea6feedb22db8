// A plugin for the zoo: code and goroutines of a second module in one process.
package main

import (
	"strings"
	"time"
)

type animal struct {
	name string
	legs int
}

//go:noinline
func (a *animal) park(c chan int) {
	<-c
	a.legs++
}

//go:noinline
func sleep(d time.Duration) { time.Sleep(d) }

func inlined(c chan int) int { return <-c + 1 }

//go:noinline
func callsInlined(c chan int, name string) string {
	return strings.Repeat(name, inlined(c))
}

// Start parks goroutines, and then itself.
func Start(c chan int) {
	go (&animal{"ant", 6}).park(c)
	go sleep(100 * time.Hour)
	go callsInlined(c, "bee")
	go func() {
		strings.Map(func(r rune) rune { <-c; return r }, "cat")
	}()
	<-c
}

func main() {}
