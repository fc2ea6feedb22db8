package main

// What a code generator leaves: lines of a file that has another name.

//line /a folder/с пробелом.y:70
//go:noinline
func lineDirective(c chan int) {
//line other:name.y:5
	<-c
}
