package main

import (
	"errors"
	"runtime"
	"sort"
	"strings"
	"sync"
)

// Calls that are inlined into each other: one frame of the machine, four of the program.

func inner(c chan int) int  { return <-c }
func middle(c chan int) int { return inner(c) + 1 }
func outer(c chan int) int  { return middle(c) + 2 }

//go:noinline
func inlinedCalls(c chan int) int { return outer(c) + outer(c) }

//go:noinline
func inlinedInDeep(c chan int, depth int) int {
	if depth > 0 {
		return inlinedInDeep(c, depth-1) + 1
	}
	return middle(c)
}

//go:noinline
func recursion(depth int, c chan int) int {
	if depth == 0 {
		return <-c
	}
	return recursion(depth-1, c) + 1
}

// Mutual recursion shows different frames at each end of what the runtime leaves out.

//go:noinline
func even(n int, c chan int) int {
	if n == 0 {
		return <-c
	}
	return odd(n-1, c) + 1
}

//go:noinline
func odd(n int, c chan int) int {
	if n == 0 {
		return outer(c)
	}
	return even(n-1, c) + 1
}

// Methods, their values, and the wrappers the compiler makes for them.

type waiter interface{ wait(c chan int) }

type byValue struct{ a, b int }

//go:noinline
func (v byValue) wait(c chan int) { <-c; v.a++ }

type byPointer struct{ a [4]int }

//go:noinline
func (p *byPointer) wait(c chan int) { <-c; p.a[0]++ }

type embedded struct {
	x int
	byValue
}

type embeddedPointer struct {
	x int
	*byPointer
}

//go:noinline
func viaInterface(w waiter, c chan int) { w.wait(c) }

type function func(chan int)

func (f function) wait(c chan int) { f(c) }

//go:noinline
func callValue(f func(chan int), c chan int) { f(c) }

//go:noinline
func waitHere(c chan int) { <-c }

func closures() func(chan int) {
	x, y := 1, "two"
	return func(c chan int) {
		x++
		func() {
			defer func() { x++ }()
			func(s string) {
				<-c
				y += s
			}("three")
		}()
	}
}

// Deferred calls: at a return, while panicking, while recovering, while ending a goroutine.

//go:noinline
func deferAtReturn(c chan int) {
	defer blockedDeferred(c, "return")
	defer func() {}()
}

//go:noinline
func blockedDeferred(c chan int, why string) { <-c }

//go:noinline
func deferInLoop(c chan int) {
	for i := 0; i < 3; i++ {
		defer blockedDeferred(c, "loop")
	}
}

//go:noinline
func deferInPanic(c chan int) {
	defer blockedDeferred(c, "panic")
	panicking(3)
}

//go:noinline
func panicking(depth int) {
	if depth > 0 {
		panicking(depth - 1)
		return
	}
	panic(errors.New("meant to be"))
}

//go:noinline
func deferInRecover(c chan int) {
	defer func() {
		if r := recover(); r != nil {
			<-c
		}
	}()
	panicking(2)
}

//go:noinline
func recoveredThenBlocked(c chan int) {
	recovering()
	<-c
}

//go:noinline
func recovering() (err error) {
	defer func() {
		err, _ = recover().(error)
	}()
	panicking(1)
	return nil
}

//go:noinline
func nestedPanics(c chan int) {
	defer func() {
		defer func() {
			<-c
		}()
		panic("second")
	}()
	panic("first")
}

//go:noinline
func deferAfterRecoveredPanic(c chan int) {
	defer blockedDeferred(c, "after")
	defer func() { recover() }()
	panic("recovered first")
}

type node struct {
	value int
	next  *node
}

//go:noinline
func nilPointer(n *node) int { return n.next.value }

//go:noinline
func signalPanic(c chan int) {
	defer blockedDeferred(c, "nil pointer")
	nilPointer(&node{})
}

//go:noinline
func divide(a, b int) int { return a / b }

//go:noinline
func dividePanic(c chan int) {
	defer func() {
		if recover() != nil {
			<-c
		}
	}()
	divide(1, len(c))
}

//go:noinline
func index(s []int, i int) int { return s[i] }

//go:noinline
func indexPanic(c chan int) {
	defer blockedDeferred(c, "index")
	index([]int{1, 2, 3}, 3+len(c))
}

//go:noinline
func nilFunction(f func()) { f() }

//go:noinline
func nilFunctionPanic(c chan int) {
	defer blockedDeferred(c, "nil function")
	nilFunction(nil)
}

//go:noinline
func nilMapPanic(c chan int) {
	defer blockedDeferred(c, "nil map")
	var m map[string]int
	m["x"] = 1
}

//go:noinline
func typeAssertPanic(c chan int, v interface{}) {
	defer blockedDeferred(c, "assertion")
	_ = v.(waiter)
}

//go:noinline
func goexitDeferred(c chan int) {
	defer blockedDeferred(c, "goexit")
	runtime.Goexit()
}

//go:noinline
func goexitPanicDeferred(c chan int) {
	defer func() {
		defer blockedDeferred(c, "panic in goexit")
		panic("in goexit")
	}()
	runtime.Goexit()
}

// Functions of the library that call back.

type sorted struct{ c chan int }

func (s sorted) Len() int           { return 3 }
func (s sorted) Less(i, j int) bool { <-s.c; return false }
func (s sorted) Swap(i, j int)      {}

//go:noinline
func inSort(c chan int) { sort.Sort(sorted{c}) }

//go:noinline
func inSortSlice(c chan int) {
	numbers := []int{3, 1, 2}
	sort.Slice(numbers, func(i, j int) bool { <-c; return numbers[i] < numbers[j] })
}

//go:noinline
func inMap(c chan int) {
	strings.Map(func(r rune) rune { <-c; return r }, "text")
}

//go:noinline
func inSyncMap(c chan int) {
	var m sync.Map
	m.Store("key", 1)
	m.Range(func(k, v interface{}) bool { <-c; return true })
}

// A frame of many kilobytes, and one that grew the stack.

//go:noinline
func bigFrame(c chan int) int {
	var block [64 << 10]byte
	block[len(c)] = 1
	n := <-c
	return n + int(block[n])
}

// Names outside ASCII.

//go:noinline
func ждать(канал chan int) { <-канал }

type Тип struct{ поле int }

//go:noinline
func (т Тип) Ждать(c chan int) { <-c }

func startFrames() {
	c := forever
	go inlinedCalls(c)
	go inlinedInDeep(c, 5)
	go recursion(48, c)
	go recursion(200, c)
	go even(200, c)
	go odd(99, c)
	go odd(100, c)
	go odd(101, c)
	go odd(201, c)
	go recursion(20000, c)

	go byValue{1, 2}.wait(c)
	go (&byValue{1, 2}).wait(c)
	go (&byPointer{}).wait(c)
	go embedded{1, byValue{2, 3}}.wait(c)
	go (&embedded{1, byValue{2, 3}}).wait(c)
	go embeddedPointer{1, &byPointer{}}.wait(c)
	for _, w := range []waiter{byValue{1, 2}, &byValue{1, 2}, &byPointer{}, embedded{}, &embedded{},
		embeddedPointer{0, &byPointer{}}, &embeddedPointer{0, &byPointer{}}, function(waitHere)} {
		go viaInterface(w, c)
		go w.wait(c)
		go callValue(w.wait, c)
	}
	go waiter.wait(byValue{5, 6}, c)
	go (*byPointer).wait(&byPointer{}, c)
	go closures()(c)
	go func() { <-c }()
	go func(a, b int) { <-c }(1, 2)
	go func() { go func() { <-c }(); <-c }()

	for _, f := range []func(chan int){deferAtReturn, deferInLoop, deferInPanic, deferInRecover,
		recoveredThenBlocked, nestedPanics, deferAfterRecoveredPanic, signalPanic, dividePanic,
		indexPanic, nilFunctionPanic, nilMapPanic, goexitDeferred, goexitPanicDeferred,
		inSort, inSortSlice, inMap, inSyncMap, ждать, Тип{1}.Ждать} {
		go f(c)
	}
	go typeAssertPanic(c, 5)
	go bigFrame(c)
	go lineDirective(c)
}

func startSpinning() {
	go spin()
	go spin()
}

var spun int

// spin is on one line whenever one looks.
//
//go:noinline
func spin() {
	for ; ; spun++ {
	}
}
