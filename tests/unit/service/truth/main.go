// SPDX-License-Identifier: MIT

// Goroutines of many kinds, described by their own runtime twice: as debug=2 shows them, and with
// all that debug=2 leaves out. See generate.
package main

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
)

type parker interface{ park(c chan int, n int8) int }

type inner struct{ a, b int }

func (i inner) park(c chan int, n int8) int { return <-c + i.a }

// outer has a promoted method: the interface holds a wrapper of it.
type outer struct {
	pad int
	inner
}

type eface struct {
	x interface{}
	s string
	v []int
	f float64
}

//go:noinline
func manyArguments(a, b, c, d, e, f, g, h, i, j, k int, ch chan int) { <-ch; _ = a + k }

//go:noinline
func structArgument(e eface, m map[string]int, b bool, ch chan int) { <-ch; _ = e.s }

func inlinedLeaf(c chan int) int { return <-c }

func inlinedMiddle(c chan int) int { return inlinedLeaf(c) + 1 }

//go:noinline
func inlinedOuter(c chan int) int { return inlinedMiddle(c) + 1 }

//go:noinline
func panics(c chan int) {
	defer func() {
		<-c
	}()
	panic("on purpose")
}

//go:noinline
func faults(c chan int) {
	defer func() {
		<-c
	}()
	var p *inner
	fmt.Println(p.b)
}

// nilWrapper calls a promoted method through a nil pointer: the wrapper itself panics.
func nilWrapper(c chan int) {
	defer func() {
		<-c
	}()
	var p *outer
	var i parker = p
	i.park(c, 1)
}

//go:noinline
func recovered(c chan int) {
	func() {
		defer func() {
			recover()
		}()
		panic(1)
	}()
	<-c
}

type finalized struct{ c chan int }

// ready lets them all park, and has the collector note since when they wait.
func ready() {
	runtime.GC()
	time.Sleep(time.Second)
	runtime.GC()
}

func start() {
	c, d := make(chan int), make(chan int)
	var mu sync.Mutex
	var rw sync.RWMutex
	var wg sync.WaitGroup
	cond := sync.NewCond(new(sync.Mutex))
	mu.Lock()
	rw.Lock()
	wg.Add(1)
	go inlinedOuter(c)
	go manyArguments(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, c)
	go structArgument(eface{3, "text", []int{1}, 1.5}, nil, true, c)
	go panics(c)
	go faults(c)
	go nilWrapper(c)
	go recovered(c)
	go func() {
		d <- 1
	}()
	go func() {
		var n chan int
		<-n
	}()
	go func() {
		var n chan int
		n <- 1
	}()
	go func() {
		select {}
	}()
	go func() {
		select {
		case <-c:
		case d <- 1:
		}
	}()
	go mu.Lock()
	go rw.RLock()
	go wg.Wait()
	go func() {
		cond.L.Lock()
		cond.Wait()
	}()
	go time.Sleep(time.Hour)
	go func() {
		runtime.LockOSThread()
		<-c
	}()
	var p parker = outer{1, inner{2, 3}}
	go p.park(c, 7)
	go func() {
		p.park(c, -1)
	}()
	bound := p.park
	go func() {
		bound(c, 2)
	}()
	made := reflect.MakeFunc(reflect.TypeOf(func() {}), func([]reflect.Value) []reflect.Value {
		<-c
		return nil
	})
	go made.Call(nil)
	go func() {
		reflect.ValueOf(c).Recv()
	}()
	time.AfterFunc(time.Millisecond, func() {
		<-c
	})
	runtime.SetFinalizer(&finalized{c}, func(f *finalized) { <-f.c })
	for _, more := range later {
		more(c)
	}
	ready()
}

// later is filled in by the files for newer versions of Go.
var later []func(c chan int)

func main() {
	start()
	if len(os.Args) > 1 {
		minutes, _ := time.ParseDuration(os.Args[1])
		time.Sleep(minutes)
	}
	buffer := make([]byte, 4<<20)
	os.Stdout.Write(buffer[:runtime.Stack(buffer, true)])
	debug.SetTraceback("system")
	syscall.Kill(os.Getpid(), syscall.SIGQUIT)
	select {}
}
