// Names prints the name of every function that the DWARF of a Go binary knows, those that are only
// ever inlined among them, which the symbol table lacks.
package main

import (
	"bufio"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"os"
)

func main() {
	file, err := elf.Open(os.Args[1])
	if err != nil {
		fail(err)
	}
	data, err := file.DWARF()
	if err != nil {
		fail(err)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for reader := data.Reader(); ; {
		entry, err := reader.Next()
		if err != nil {
			fail(err)
		}
		if entry == nil {
			return
		}
		if name, ok := entry.Val(dwarf.AttrName).(string); ok && entry.Tag == dwarf.TagSubprogram {
			fmt.Fprintln(out, name)
		}
		if entry.Tag != dwarf.TagCompileUnit {
			reader.SkipChildren()
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
