package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/foyer-id/foyer/cmd"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"foyer": func() { os.Exit(cmd.Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// The command line as an operator meets it; each script reads like a shell.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata"})
}
