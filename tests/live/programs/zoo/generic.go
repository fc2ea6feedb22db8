//go:build go1.18
// +build go1.18

package main

func init() { starters = append(starters, startGeneric) }

type number interface{ ~int | ~float64 | ~string }

//go:noinline
func genericPark[T number](value T, c chan int) T {
	<-c
	return value + value
}

type stack[K comparable, V any] struct {
	keys   []K
	values map[K]V
}

//go:noinline
func (s *stack[K, V]) park(key K, value V, c chan int) {
	<-c
	s.keys = append(s.keys, key)
	s.values[key] = value
}

//go:noinline
func each[T any](list []T, f func(T)) {
	for _, value := range list {
		f(value)
	}
}

func inlinedGeneric[T any](c chan T) T { return <-c }

//go:noinline
func callsInlinedGeneric(c chan int) int { return inlinedGeneric(c) }

//go:noinline
func genericClosure[T any](value T, c chan int) func() T {
	return func() T {
		<-c
		return value
	}
}

func startGeneric() {
	go genericPark(5, forever)
	go genericPark(2.5, forever)
	go genericPark("text", forever)
	go (&stack[string, int]{}).park("k", 3, forever)
	go (&stack[pair, *pair]{}).park(pair{1, "x"}, nil, forever)
	go each([]pair{{1, "one"}}, func(p pair) { <-forever; sink += p.a })
	go each([]string{"x"}, func(s string) { genericPark(s, forever) })
	go callsInlinedGeneric(forever)
	go genericClosure(small{1, 2, 3}, forever)()
}
