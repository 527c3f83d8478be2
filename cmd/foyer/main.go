// Foyer is the program; everything it does is in package cmd.
package main

import (
	"os"

	"github.com/foyer-id/foyer/cmd"
)

func main() { os.Exit(cmd.Main(os.Args[1:], os.Stdout, os.Stderr)) }
