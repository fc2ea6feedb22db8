// Busy starts, runs and ends goroutines on all processors until its standard input ends, and checks
// everything they compute: "ready PID" at first, at the end "done ROUNDS right" or, for any result
// that is not what arithmetic says, "wrong ...". It grows and shrinks stacks, collects garbage,
// blocks on channels, locks, timers and system calls, panics and recovers.
package main

import (
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const perRound = 64

var stopped int32

//go:noinline
func triangle(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	return triangle(n-1) + n
}

//go:noinline
func spread(n uint64) uint64 {
	results := make(chan uint64)
	for i := uint64(0); i < 4; i++ {
		go func(i uint64) { results <- triangle(n + i) }(i)
	}
	return <-results + <-results + <-results + <-results
}

//go:noinline
func recovered(n uint64) (sum uint64) {
	defer func() {
		sum = recover().(uint64)
	}()
	deepPanic(n, n)
	return 0
}

//go:noinline
func deepPanic(depth, n uint64) {
	defer func() { n++ }()
	if depth%16 != 0 {
		deepPanic(depth-1, n)
		return
	}
	panic(n)
}

//go:noinline
func allocate(n uint64) uint64 {
	type list struct {
		value uint64
		next  *list
	}
	var head *list
	for i := uint64(1); i <= n; i++ {
		head = &list{i, head}
	}
	var sum uint64
	for ; head != nil; head = head.next {
		sum += head.value
	}
	return sum
}

var text = []byte("the quick brown fox jumps over the lazy dog")

var textSum = crc32.ChecksumIEEE(text)

//go:noinline
func checksums(n uint64) uint64 {
	var wrong uint64
	for i := uint64(0); i < n; i++ {
		if crc32.ChecksumIEEE(text) != textSum {
			wrong++
		}
	}
	return wrong
}

//go:noinline
func wait(n uint64) {
	switch n % 4 {
	case 0:
		time.Sleep(time.Duration(n) * time.Microsecond)
	case 1:
		select {
		case <-make(chan int):
		case <-time.After(10 * time.Microsecond):
		}
	case 2:
		syscall.Getppid()
	case 3:
		runtime.Gosched()
	}
}

// work returns what is wrong with the results of one goroutine, or "".
func work(n uint64) string {
	want := func(n uint64) uint64 { return n * (n + 1) / 2 }
	wait(n)
	if got := triangle(n); got != want(n) {
		return fmt.Sprint("triangle ", n, " ", got)
	}
	if got := spread(n); got != want(n)+want(n+1)+want(n+2)+want(n+3) {
		return fmt.Sprint("spread ", n, " ", got)
	}
	if got := recovered(n); got != n {
		return fmt.Sprint("recovered ", n, " ", got)
	}
	if got := allocate(n); got != want(n) {
		return fmt.Sprint("allocate ", n, " ", got)
	}
	if got := checksums(n); got != 0 {
		return fmt.Sprint("checksums ", n, " ", got)
	}
	return ""
}

func round(seed uint64) {
	var group sync.WaitGroup
	var mutex sync.Mutex
	var sum uint64
	for i := uint64(0); i < perRound; i++ {
		group.Add(1)
		go func(n uint64) {
			defer group.Done()
			if wrong := work(n); wrong != "" {
				fail(wrong)
			}
			mutex.Lock()
			sum += n
			mutex.Unlock()
		}(seed%1000 + i)
	}
	group.Wait()
	if sum != perRound*(seed%1000)+perRound*(perRound-1)/2 {
		fail(fmt.Sprint("sum ", sum))
	}
}

func fail(what string) {
	fmt.Println("wrong", what)
	os.Exit(1)
}

func main() {
	fmt.Printf("ready %d\n", os.Getpid())
	go func() {
		var b [1]byte
		for {
			if n, err := os.Stdin.Read(b[:]); n == 0 && err != nil {
				atomic.StoreInt32(&stopped, 1)
				return
			}
		}
	}()
	var rounds [4]uint64
	var group sync.WaitGroup
	for i := range rounds {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for atomic.LoadInt32(&stopped) == 0 {
				round(rounds[i]*7 + uint64(i))
				rounds[i]++
			}
		}(i)
	}
	group.Wait()
	fmt.Println("done", rounds[0]+rounds[1]+rounds[2]+rounds[3], "right")
}
