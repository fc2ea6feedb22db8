//go:build cgo && zooshared
// +build cgo,zooshared

package main

import "C"

// ZooRun is what a C program that loads this program as a library calls instead of main.
//
//export ZooRun
func ZooRun() { run() }
