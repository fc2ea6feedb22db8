package main

// Arguments of every kind, in functions that wait while they are on their stacks.

type pair struct {
	a int
	b string
}

type nested struct {
	p    pair
	q    *pair
	list []int
	in   struct{ x, y uint8 }
}

type small struct{ a, b, c byte }

type empty struct{}

type deep struct {
	a struct {
		b struct {
			c struct{ d struct{ e struct{ f int } } }
		}
	}
}

//go:noinline
func noArguments() { <-forever }

//go:noinline
func ints(a int, b int8, c int16, d int32, e int64, f uint8, g uint16, h uint32, i uint64, j uintptr) {
	<-forever
}

//go:noinline
func fewInts(a int, b int8, c uint16) int { return <-forever + a + int(b) + int(c) }

//go:noinline
func bools(a, b bool, r rune) { <-forever }

//go:noinline
func floats(a float32, b float64, c int, d complex128) { <-forever }

//go:noinline
func stringArgument(s string, t string) { <-forever }

//go:noinline
func sliceArgument(s []byte, t [][]int) { <-forever }

//go:noinline
func structArgument(p pair, n nested) { <-forever }

//go:noinline
func smallStruct(s small, e empty, t small) { <-forever }

//go:noinline
func deepStruct(d deep, after int) { <-forever }

//go:noinline
func arrays(a [1]int, b [3]int, c [0]int, d [10]byte) { <-forever }

//go:noinline
func interfaces(e error, v interface{}, w waiter) { <-forever }

//go:noinline
func pointers(p *int, q *pair, m map[string]int, c chan int, f func()) { <-forever }

//go:noinline
func manyArguments(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p int) int {
	return <-forever + a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p
}

//go:noinline
func manyStrings(a, b, c, d, e, f string) int { return <-forever + len(a+b+c+d+e+f) }

//go:noinline
func variadic(first int, rest ...interface{}) { <-forever }

//go:noinline
func results(a int, s string) (n int, t string, err error) {
	n = <-forever + a
	return n, s + t, nil
}

//go:noinline
func usedAfterwards(a int, s string, list []int, p pair) int {
	n := <-forever
	return n + a + len(s) + len(list) + p.a + len(p.b)
}

//go:noinline
func blank(_ int, _ string, c int) { <-forever; sink += c }

//go:noinline
func addressTaken(a int, s string) {
	keepInt(&a)
	<-forever
	a += len(s)
}

var sink int

//go:noinline
func keepInt(p *int) { sink += *p }

// outerArguments has arguments in a frame that is not the innermost.
//
//go:noinline
func outerArguments(a int, s string, p pair, f float64) int {
	return fewInts(a+1, 2, 3) + len(s) + p.a + int(f)
}

func startArguments() {
	p := pair{0x1234, "pair"}
	n := nested{p, &p, []int{1, 2, 3}, struct{ x, y uint8 }{7, 8}}
	x := 5
	go noArguments()
	go ints(-1, -2, -3, -4, -5, 250, 65000, 4000000000, 1<<63, 0xdead)
	go fewInts(-7, -8, 9)
	go bools(true, false, 'ж')
	go floats(1.5, 2.5, 3, complex(1, 2))
	go stringArgument("hello", "")
	go sliceArgument([]byte("abc"), nil)
	go structArgument(p, n)
	go smallStruct(small{1, 2, 3}, empty{}, small{4, 5, 6})
	go deepStruct(deep{}, 3)
	go arrays([1]int{1}, [3]int{1, 2, 3}, [0]int{}, [10]byte{9: 1})
	go interfaces(nil, 5, byValue{1, 2})
	go pointers(&x, &p, map[string]int{"a": 1}, forever, func() {})
	go manyArguments(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
	go manyStrings("a", "b", "c", "d", "e", "f")
	go variadic(1, 2, "three", 4.0)
	go results(1, "s")
	go usedAfterwards(1, "two", []int{3}, p)
	go blank(1, "two", 3)
	go addressTaken(11, "s")
	go outerArguments(1, "two", p, 4.5)
	go func() { outerArguments(2, "three", p, 5.5) }()
}
