// A program that prints where its runtime keeps its lists, and waits until its input ends.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

func allgs() uintptr
func allp() uintptr
func allm() uintptr
func sched() uintptr
func waitReasonStrings() uintptr

func main() {
	for i := 0; i < 20; i++ {
		go func() { select {} }()
	}
	time.Sleep(10 * time.Millisecond)
	fmt.Printf("%s %#x %#x %#x %#x %#x\n", runtime.Version(), allgs(), allp(), allm(), sched(),
		waitReasonStrings())
	os.Stdin.Read(make([]byte, 1))
}
