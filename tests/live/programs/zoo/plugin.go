//go:build cgo && zooplugin
// +build cgo,zooplugin

package main

import (
	"os"
	"plugin"
)

func init() { starters = append(starters, startPlugin) }

// startPlugin parks goroutines in the code of the plugin that the last argument names.
func startPlugin() {
	opened, err := plugin.Open(os.Args[len(os.Args)-1])
	if err != nil {
		panic(err)
	}
	start, err := opened.Lookup("Start")
	if err != nil {
		panic(err)
	}
	go start.(func(chan int))(forever)
}
