// SPDX-License-Identifier: MIT

// Golayout prints where an executable's DWARF has the fields of src/types/layout_fields.h, for src/types/golayout.tsv:
//
//	golayout layout_fields.h EXE...
//
// A line per field: structs, field, then a column for each executable: offset:size, "-" where the struct has no such
// field, "?" where the linker left the struct out.
package main

import (
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"os"
	"regexp"
	"strings"
)

type place struct{ off, size int64 }

// structs returns the fields of all structs with a name in want.
func structs(path string, want map[string]bool) (map[string]map[string]place, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := f.DWARF()
	if err != nil {
		return nil, err
	}
	found := map[string]map[string]place{}
	for r := d.Reader(); ; {
		e, err := r.Next()
		if err != nil {
			return nil, err
		}
		if e == nil {
			return found, nil
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		if e.Tag != dwarf.TagStructType || !want[name] || found[name] != nil {
			continue
		}
		t, err := d.Type(e.Offset)
		if err != nil {
			return nil, fmt.Errorf("%s: %v", name, err)
		}
		fields := map[string]place{}
		for _, m := range t.(*dwarf.StructType).Field {
			fields[m.Name] = place{m.ByteOffset, m.Type.Size()}
		}
		found[name] = fields
	}
}

func lookup(found map[string]map[string]place, names, fields string) string {
	known := false
	for _, s := range strings.Split(names, "|") {
		if found[s] == nil {
			continue
		}
		known = true
		for _, f := range strings.Split(fields, "|") {
			if p, ok := found[s][f]; ok {
				return fmt.Sprintf("%d:%d", p.off, p.size)
			}
		}
	}
	if known {
		return "-"
	}
	return "?"
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: golayout layout_fields.h EXE...")
		os.Exit(2)
	}
	list, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	rows := regexp.MustCompile(`LAYOUT\(\w+, "([^"]*)", "([^"]*)"\)`).FindAllStringSubmatch(string(list), -1)
	want := map[string]bool{}
	for _, r := range rows {
		for _, s := range strings.Split(r[1], "|") {
			want[s] = true
		}
	}
	var exes []map[string]map[string]place
	for _, path := range os.Args[2:] {
		found, err := structs(path, want)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
		exes = append(exes, found)
	}
	for _, r := range rows {
		fmt.Printf("%s\t%s", r[1], r[2])
		for _, found := range exes {
			fmt.Printf("\t%s", lookup(found, r[1], r[2]))
		}
		fmt.Println()
	}
}
