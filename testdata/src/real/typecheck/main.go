// A type checker: golang.org/x/tools/go/packages loads net/http with all that it imports, go/ssa builds it.
//
//	needs golang.org/x/tools@v0.52.0
package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

var gProg *ssa.Program
var gAll []*ssa.Package

func main() {
	pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadAllSyntax}, "net/http")
	if err != nil || packages.PrintErrors(pkgs) > 0 {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	prog, all := ssautil.AllPackages(pkgs, ssa.InstantiateGenerics)
	prog.Build()
	gProg, gAll = prog, all
	fmt.Println("ready")
	time.Sleep(time.Hour)
	fmt.Println(len(all))
}
