// Execs replaces itself by itself ROUNDS times, after a few milliseconds each, with threads that
// sleep and one that runs. It prints "ready PID" at first and "done" at the end.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

func main() {
	left, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	if left == 0 {
		fmt.Println("done")
		return
	}
	if len(os.Args) == 2 {
		fmt.Println("ready", os.Getpid())
	}
	for i := 0; i < 8; i++ {
		go func() {
			runtime.LockOSThread()
			for {
				time.Sleep(100 * time.Microsecond)
			}
		}()
	}
	go func() {
		for {
		}
	}()
	time.Sleep(time.Duration(left%9) * time.Millisecond)
	args := []string{os.Args[0], strconv.Itoa(left - 1), "again"}
	panic(syscall.Exec("/proc/self/exe", args, os.Environ()))
}
