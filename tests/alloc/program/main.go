// A program whose goroutines are in every kind of place that a capture allocates memory for.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"sync"
)

func park(wait *sync.WaitGroup) {
	wait.Done()
	select {}
}

func deep(n int, wait *sync.WaitGroup) {
	if n == 0 {
		park(wait)
	}
	deep(n-1, wait)
}

func spin(wait *sync.WaitGroup) {
	wait.Done()
	for {
	}
}

func main() {
	var wait sync.WaitGroup
	wait.Add(8)
	for i := 0; i < 6; i++ {
		labels := pprof.Labels("tenant", fmt.Sprint("t", i%2), "shard", fmt.Sprint(i))
		go pprof.Do(context.Background(), labels, func(context.Context) { park(&wait) })
	}
	go deep(2000, &wait)
	go spin(&wait)
	wait.Wait()
	fmt.Println("ready")
	os.Stdin.Read(make([]byte, 1))
}
