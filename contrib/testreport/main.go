// Command testreport runs the tests of one or more modules and says how many
// ran on which database.
//
//	testreport [flags] FOLDER…
//
// What is counted are leaves: tests and subtests without subtests of their own.
// A leaf belongs to a database if a part of its name is sqlite, postgres, mysql
// or memory (SQLite in memory), or if it or a test around it has logged a line
// "database: NAME", which the test harnesses do whenever they open one. All
// others ran without a database.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() {
	run := flag.String("run", "", "run only tests that match this `pattern`")
	timeout := flag.String("timeout", "20m", "time for the tests of one package")
	short := flag.Bool("short", false, "tell tests to be short")
	flag.Parse()
	args := []string{"test", "-json", "-shuffle=on", "-timeout=" + *timeout, "-run=" + *run}
	if *short {
		args = append(args, "-short")
	}
	race, why := raceDetector()
	if race {
		args = append(args, "-race")
	}
	fmt.Println(why)
	if !race && os.Getenv("CI") == "true" {
		fmt.Println("CI promises a C compiler")
		os.Exit(1)
	}
	r := newReport(os.Stdout)
	for _, folder := range flag.Args() {
		if err := test(r, folder, args, race); err != nil {
			fmt.Fprintf(os.Stderr, "testreport: %s: %v\n", folder, err)
			os.Exit(1)
		}
	}
	if !r.summary() {
		os.Exit(1)
	}
}

// raceDetector reports whether the tests can run under it, in words too.
func raceDetector() (bool, string) {
	out, err := exec.Command("go", "env", "CC").Output() //nolint:noctx // ends by itself at once
	compiler := strings.Fields(string(out))
	if err == nil && len(compiler) > 0 {
		if _, err := exec.LookPath(compiler[0]); err == nil {
			return true, "race detector: on"
		}
	}
	return false, "race detector: off, because there is no C compiler"
}

// test runs the tests of the module in folder. That some fail is no error.
func test(r *report, folder string, args []string, race bool) error {
	c := exec.Command("go", append(args, "./...")...) //nolint:noctx // -timeout ends it
	c.Dir, c.Stderr = folder, os.Stderr
	if race {
		c.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	if err := r.read(out); err != nil {
		return err
	}
	if err := c.Wait(); err != nil && r.all.failed == 0 {
		return err
	}
	return nil
}

// read takes the events of go test -json.
func (r *report) read(from io.Reader) error {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				e = event{Action: "output", Output: string(line)}
			}
			r.event(e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
