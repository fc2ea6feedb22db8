// Shop is a small service for the demonstration of gospy: a web shop on the loopback interface that
// places orders with itself. Some of what it does goes wrong as in real services: orders wait for a
// slow bank, two of its locks are held for long, and each cancelled order leaves a goroutine behind
// that will never end.
//
// It needs nothing but Go 1.13 or newer: go run . It prints "ready PID URL" and ends with its
// standard input, or with SIGTERM.
package main

import (
	"context"
	"fmt"
	"io"
	"io/ioutil"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
)

// order is what a customer wants.
type order struct {
	number   int
	customer string
	paid     chan error
}

// stock counts what is left, under one lock for everything.
type stock struct {
	mutex sync.RWMutex
	items map[string]int
}

func (s *stock) take(item string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.items[item] == 0 {
		return false
	}
	s.items[item]--
	return true
}

// refill holds the lock for as long as its supplier takes.
func (s *stock) refill(supplier func(item string) int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for item := range s.items {
		s.items[item] += supplier(item)
	}
}

func slowSupplier(item string) int {
	time.Sleep(200 * time.Millisecond)
	return 10
}

type shop struct {
	stock  stock
	orders chan *order
	bank   *bank
}

func newShop() *shop {
	s := &shop{
		stock:  stock{items: map[string]int{"apple": 100, "pear": 100, "plum": 100}},
		orders: make(chan *order, 8),
		bank:   newBank(),
	}
	for i := 0; i < 4; i++ {
		go s.worker(i)
	}
	go s.restock(time.NewTicker(time.Second))
	return s
}

// worker takes orders to the bank, one at a time.
func (s *shop) worker(number int) {
	for o := range s.orders {
		o.paid <- s.bank.charge(o.customer, 100)
	}
}

func (s *shop) restock(ticker *time.Ticker) {
	for range ticker.C {
		s.stock.refill(slowSupplier)
	}
}

// buy answers with an order's result, unless the customer loses patience.
func (s *shop) buy(ctx context.Context, o *order) error {
	if !s.stock.take("apple") {
		return fmt.Errorf("order %d: sold out", o.number)
	}
	result := make(chan error)
	go func() {
		s.orders <- o
		// Nobody receives this when the customer is gone: the goroutine stays for ever.
		result <- <-o.paid
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o := &order{customer: r.FormValue("customer"), paid: make(chan error, 1)}
	fmt.Sscan(r.FormValue("number"), &o.number)
	ctx, cancel := context.WithTimeout(r.Context(), 400*time.Millisecond)
	defer cancel()
	labels := pprof.Labels("customer", o.customer, "order", fmt.Sprint(o.number))
	pprof.Do(ctx, labels, func(ctx context.Context) {
		if err := s.buy(ctx, o); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "thank you")
	})
}

// customer orders again and again.
func customer(url, name string) {
	for number := 0; ; number++ {
		answer, err := http.Get(fmt.Sprintf("%s?customer=%s&number=%d", url, name, number))
		if err == nil {
			io.Copy(ioutil.Discard, answer.Body)
			answer.Body.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	url := "http://" + listener.Addr().String() + "/"
	server := &http.Server{Handler: newShop()}
	go server.Serve(listener)
	for _, name := range []string{"ann", "bob", "eve", "joe", "kim"} {
		go customer(url, name)
	}
	fmt.Println("ready", os.Getpid(), url)
	wait()
	server.Close()
}

// wait returns when the standard input ends, or somebody wants the program to end.
func wait() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		io.Copy(ioutil.Discard, os.Stdin)
		stop <- os.Interrupt
	}()
	<-stop
}
