// Zoo parks goroutines in every wait reason and kind of frame that a program can reach, and then
// prints its own goroutines on demand: it is the truth that gospy is held against. It is built by
// every Go version from 1.12 on; what is newer is in files with build tags.
//
// It prints "ready PID PARKED", then obeys one command a line on its standard input: "dump" answers with
// "dump LENGTH" and that many bytes of the goroutine profile in the form debug=2, "debug1" likewise
// with debug=1, "gc" collects garbage, "quit" ends it.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"
)

// starters holds what files with build tags add.
var starters []func()

func main() { run() }

func run() {
	// Frames and their arguments stay where they are from now on.
	debug.SetGCPercent(-1)
	pool()
	startWaits()
	startFrames()
	startArguments()
	for _, start := range starters {
		start()
	}
	startFinalizer()
	if option("spin") {
		startSpinning()
	}
	if option("trace") {
		startTracing()
	}
	settle()
	// All but this one are parked for ever.
	fmt.Printf("ready %d %d\n", os.Getpid(), runtime.NumGoroutine()-1)
	serve()
}

func option(name string) bool {
	for _, argument := range os.Args[1:] {
		if argument == name {
			return true
		}
	}
	return false
}

// pool leaves dead goroutines behind.
func pool() {
	done := make(chan bool)
	for i := 0; i < 50; i++ {
		go func() { done <- true }()
	}
	for i := 0; i < 50; i++ {
		<-done
	}
}

// others returns the stacks of all goroutines but the caller's.
func others() []byte {
	buffer := make([]byte, 1<<20)
	buffer = buffer[:runtime.Stack(buffer, true)]
	if i := bytes.Index(buffer, []byte("\n\n")); i >= 0 {
		return buffer[i:]
	}
	return nil
}

// settle waits until two looks at the goroutines show the same.
func settle() {
	last := others()
	for i := 0; i < 100; i++ {
		time.Sleep(20 * time.Millisecond)
		now := others()
		if bytes.Equal(last, now) {
			return
		}
		last = now
	}
}

func serve() {
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		switch command := strings.TrimSpace(input.Text()); command {
		case "dump":
			answer(command, 2)
		case "debug1":
			answer(command, 1)
		case "gc":
			runtime.GC()
			fmt.Println("gc 0")
		case "quit":
			return
		}
	}
}

func answer(command string, detail int) {
	var text bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&text, detail); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(append([]byte(fmt.Sprintf("%s %d\n", command, text.Len())), text.Bytes()...))
}
