// SPDX-License-Identifier: MIT

//go:build go1.25
// +build go1.25

package main

import (
	"testing"
	"testing/synctest"
)

func init() {
	later = append(later, func(c chan int) {
		testing.Init()
		all := func(string, string) (bool, error) { return true, nil }
		test := func(t *testing.T) { synctest.Test(t, func(*testing.T) { bubble(c) }) }
		go testing.Main(all, []testing.InternalTest{{Name: "bubble", F: test}}, nil, nil)
	})
}
