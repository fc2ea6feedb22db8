package main

import (
	"context"
	"io/ioutil"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"syscall"
	"time"

	weird "zoo/we.ird"
)

// forever is never sent to nor closed.
var forever = make(chan int)

//go:noinline
func chanReceive() { <-forever }

//go:noinline
func chanReceiveRange() {
	for range make(chan string) {
	}
}

//go:noinline
func chanSend() { make(chan [5]int) <- [5]int{1, 2, 3, 4, 5} }

//go:noinline
func chanSendFull() {
	c := make(chan string, 2)
	for {
		c <- "full"
	}
}

//go:noinline
func chanReceiveNil() {
	var c chan int
	<-c
}

//go:noinline
func chanSendNil() {
	var c chan int
	c <- 1
}

//go:noinline
func selectNone() { select {} }

//go:noinline
func selectMany() {
	a, b := make(chan int), make(chan string)
	select {
	case <-a:
	case b <- "x":
	case <-time.After(time.Hour):
	}
}

//go:noinline
func selectNil() {
	var a, b chan int
	select {
	case <-a:
	case b <- 1:
	}
}

//go:noinline
func sleep() { time.Sleep(100 * time.Hour) }

//go:noinline
func timerReceive() { <-time.NewTimer(100 * time.Hour).C }

//go:noinline
func tickerReceive() { <-time.NewTicker(100 * time.Hour).C }

//go:noinline
func contextDone() {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Hour)
	defer cancel()
	<-ctx.Done()
}

var (
	mutex   sync.Mutex
	rwmutex sync.RWMutex
	rwread  sync.RWMutex
	group   sync.WaitGroup
	once    sync.Once
)

//go:noinline
func mutexLock() {
	mutex.Lock()
	defer mutex.Unlock()
}

//go:noinline
func rwmutexLock() {
	rwmutex.Lock()
	rwmutex.Unlock()
}

//go:noinline
func rwmutexRLock() {
	rwmutex.RLock()
	rwmutex.RUnlock()
}

//go:noinline
func rwmutexLockReaders() {
	rwread.Lock()
	rwread.Unlock()
}

//go:noinline
func waitGroup() { group.Wait() }

//go:noinline
func onceBlocked() { once.Do(chanReceive) }

//go:noinline
func condWait() {
	var m sync.Mutex
	c := sync.NewCond(&m)
	m.Lock()
	c.Wait()
}

//go:noinline
func poolerRead(r *os.File) {
	var b [8]byte
	r.Read(b[:])
}

//go:noinline
func poolerWrite(w *os.File) {
	w.Write(make([]byte, 1<<20))
}

//go:noinline
func rawRead(fd int) {
	var b [8]byte
	syscall.Read(fd, b[:])
}

//go:noinline
func lockedToThread() {
	runtime.LockOSThread()
	<-forever
}

//go:noinline
func lockedRead(fd int) {
	runtime.LockOSThread()
	rawRead(fd)
}

//go:noinline
func labelled(ctx context.Context) { <-forever }

func startLabelled() {
	pprof.Do(context.Background(), pprof.Labels("request", "42", "user name", "ann \"q\"\n\x1b"), func(ctx context.Context) {
		go labelled(ctx)
		pprof.Do(ctx, pprof.Labels("extra", "больше"), func(ctx context.Context) {
			go labelled(ctx)
		})
	})
	go pprof.Do(context.Background(), pprof.Labels("only", ""), labelled)
}

func startPipes() {
	for i := 0; i < 2; i++ {
		r, w, err := os.Pipe()
		if err != nil {
			panic(err)
		}
		if i == 0 {
			go poolerRead(r)
		} else {
			go poolerWrite(w)
		}
		// An end that nobody refers to would be closed by its finalizer.
		keep = append(keep, r, w)
	}
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil {
		panic(err)
	}
	go rawRead(ends[0])
	go lockedRead(ends[0])
}

var keep []interface{}

func startWaits() {
	mutex.Lock()
	rwmutex.Lock()
	rwread.RLock()
	group.Add(1)
	for _, f := range []func(){chanReceive, chanReceiveRange, chanSend, chanSendFull, chanReceiveNil,
		chanSendNil, selectNone, selectMany, selectNil, sleep, timerReceive, tickerReceive,
		contextDone, mutexLock, rwmutexRLock, rwmutexLock, rwmutexLockReaders, waitGroup,
		onceBlocked, onceBlocked, condWait, lockedToThread} {
		go f()
		runtime.Gosched()
	}
	go chanReceive()
	go mutexLock()
	go mutexLock()
	startPipes()
	startLabelled()
	time.AfterFunc(time.Millisecond, chanReceive)
	// The goroutine of package os/signal waits in the runtime.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
	go weird.Park(forever)
	go weird.Type{Channel: forever}.Park()
	go (&weird.Type{Channel: forever}).ParkPointer(7)
}

// startTracing leaves a goroutine that waits for the runtime to have trace events.
func startTracing() {
	if err := trace.Start(ioutil.Discard); err != nil {
		panic(err)
	}
}

// startFinalizer leaves the finalizer goroutine blocked in a function of this program.
func startFinalizer() {
	started := make(chan bool)
	func() {
		object := new([64]int)
		runtime.SetFinalizer(object, func(object *[64]int) {
			close(started)
			finalizerBlocked(object)
		})
	}()
	for i := 0; i < 50; i++ {
		runtime.GC()
		select {
		case <-started:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

//go:noinline
func finalizerBlocked(object *[64]int) {
	<-forever
	object[0]++
}
