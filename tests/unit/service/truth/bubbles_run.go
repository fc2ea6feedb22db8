// SPDX-License-Identifier: MIT

//go:build goexperiment.synctest && !go1.25
// +build goexperiment.synctest,!go1.25

package main

import "testing/synctest"

func init() {
	later = append(later, func(c chan int) {
		go synctest.Run(func() { bubble(c) })
	})
}
