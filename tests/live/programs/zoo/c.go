//go:build cgo && zoocgo
// +build cgo,zoocgo

package main

/*
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

extern int goCallback(int n);
extern void goCallbackThread(int n, double d);

static int readBlocked(int fd)
{
	char byte;

	return (int)read(fd, &byte, 1);
}

static int callDeep(int n)
{
	return n > 0 ? callDeep(n - 1) + 1 : goCallback(n);
}

static void *threadMain(void *argument)
{
	goCallbackThread((int)(intptr_t)argument, 1.5);
	return 0;
}

static int startThread(int n)
{
	pthread_t thread;

	return pthread_create(&thread, 0, threadMain, (void *)(intptr_t)n);
}
*/
import "C"

import "syscall"

func init() { starters = append(starters, startC) }

//export goCallback
func goCallback(n C.int) C.int {
	goFromC(int(n))
	return n
}

//export goCallbackThread
func goCallbackThread(n C.int, d C.double) {
	goFromC(int(n))
}

//go:noinline
func goFromC(n int) {
	if n == 2 {
		C.callDeep(3)
	}
	<-forever
}

//go:noinline
func inC(fd int) { C.readBlocked(C.int(fd)) }

//go:noinline
func callbackFromC() { C.callDeep(4) }

//go:noinline
func inCDeferred(fd int) {
	defer inC(fd)
	panic("deferred call in C")
}

func startC() {
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil {
		panic(err)
	}
	go inC(ends[0])
	go inCDeferred(ends[0])
	go callbackFromC()
	C.startThread(1)
	C.startThread(2)
}
