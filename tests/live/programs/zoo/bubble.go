//go:build go1.25
// +build go1.25

package main

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func init() { starters = append(starters, startBubble) }

//go:noinline
func bubbleReceive(c chan int) { <-c }

//go:noinline
func bubbleSend(c chan int) { c <- 1 }

//go:noinline
func bubbleSelect(c chan int) {
	select {
	case <-c:
	case <-time.After(time.Hour):
	}
}

//go:noinline
func bubbleSelectNone() { select {} }

//go:noinline
func bubbleNil() { <-(chan int)(nil) }

//go:noinline
func bubbleSleep() { time.Sleep(time.Hour) }

//go:noinline
func bubbleGroup(g *sync.WaitGroup) { g.Wait() }

//go:noinline
func bubbleCond() {
	c := sync.NewCond(new(sync.Mutex))
	c.L.Lock()
	c.Wait()
}

// bubbleOutside waits for a channel from outside: that keeps the bubble from being stuck.
//
//go:noinline
func bubbleOutside() { <-forever }

func bubble(t *testing.T) {
	var g sync.WaitGroup
	g.Add(1)
	go bubbleReceive(make(chan int))
	go bubbleSend(make(chan int))
	go bubbleSelect(make(chan int))
	go bubbleSelectNone()
	go bubbleNil()
	go bubbleSleep()
	go bubbleGroup(&g)
	go bubbleCond()
	go bubbleOutside()
	go mutexLock()
	synctest.Wait()
}

func startBubble() {
	go testing.Main(func(pattern, name string) (bool, error) { return true, nil },
		[]testing.InternalTest{{Name: "bubble", F: func(t *testing.T) { synctest.Test(t, bubble) }}},
		nil, nil)
}
