// Package weird has an import path that symbol names escape.
package weird

// Type has methods to start goroutines with.
type Type struct {
	Channel chan int
	numbers [3]int
}

// Park waits for ever.
//
//go:noinline
func Park(c chan int) { <-c }

// Park waits for ever.
//
//go:noinline
func (t Type) Park() { <-t.Channel }

// ParkPointer waits for ever.
//
//go:noinline
func (t *Type) ParkPointer(n int) {
	func() {
		<-t.Channel
	}()
	t.numbers[0] += n
}
