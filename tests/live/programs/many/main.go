// Many parks COUNT goroutines, each DEPTH calls deep. It prints "ready PID" when all are there and
// ends when its standard input does. With a third argument nobody but root may look into it.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

var forever = make(chan int)

//go:noinline
func descend(depth int, here *sync.WaitGroup) int {
	if depth <= 1 {
		here.Done()
		return <-forever
	}
	return descend(depth-1, here) + 1
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	if err != nil {
		panic(err)
	}
	return n
}

func main() {
	count, depth := number(1), number(2)
	var here sync.WaitGroup
	here.Add(count)
	for i := 0; i < count; i++ {
		go descend(depth, &here)
	}
	here.Wait()
	// From the last Done to the channel is a step that nothing tells.
	time.Sleep(100 * time.Millisecond)
	if len(os.Args) > 3 {
		// prctl(PR_SET_DUMPABLE, 0)
		if _, _, err := syscall.RawSyscall(syscall.SYS_PRCTL, 4, 0, 0); err != 0 {
			panic(err)
		}
	}
	fmt.Printf("ready %d\n", os.Getpid())
	var b [1]byte
	for {
		if _, err := os.Stdin.Read(b[:]); err == io.EOF {
			return
		}
	}
}
