package main

import (
	"sync"
	"time"
)

// bank answers slowly, and one customer after the other.
type bank struct {
	mutex    sync.Mutex
	accounts map[string]int
	audits   *sync.Cond
	pending  int
}

func newBank() *bank {
	b := &bank{accounts: map[string]int{}}
	b.audits = sync.NewCond(&b.mutex)
	go b.auditor()
	return b
}

func (b *bank) charge(customer string, amount int) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	time.Sleep(150 * time.Millisecond)
	b.accounts[customer] -= amount
	b.pending++
	if b.pending >= 100 {
		b.audits.Signal()
	}
	return nil
}

// auditor waits until there is enough to do.
func (b *bank) auditor() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for {
		for b.pending < 100 {
			b.audits.Wait()
		}
		b.pending = 0
	}
}
