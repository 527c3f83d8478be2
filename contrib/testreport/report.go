package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// event is what go test -json tells, as far as it is read here.
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build
	Test       string
	Elapsed    float64
	Output     string
}

// testRun is one test or subtest.
type testRun struct {
	name     string
	result   string // "pass", "fail" or "skip"; empty while it runs
	database string // as logged by the test itself
	output   strings.Builder
	seen     bool // false for a part of a name that only looks like a test, as in "text/html"
	parent   bool // has subtests
	blamed   bool // a subtest has failed
}

type count struct{ passed, failed, skipped int }

func (c *count) add(result string) {
	switch result {
	case "pass":
		c.passed++
	case "skip":
		c.skipped++
	default:
		c.failed++
	}
}

type packageRun struct {
	tests  map[string]*testRun
	output strings.Builder
}

type report struct {
	to         io.Writer
	packages   map[string]*packageRun
	builds     map[string]*strings.Builder
	all        count
	byDatabase map[string]*count
	skipped    []string
}

const none = "no database"

var databases = []string{"sqlite", "postgres", "mysql", none}

func newReport(to io.Writer) *report {
	r := &report{to: to, packages: map[string]*packageRun{}, builds: map[string]*strings.Builder{}, byDatabase: map[string]*count{}}
	for _, name := range databases {
		r.byDatabase[name] = &count{}
	}
	return r
}

func (r *report) event(e event) {
	if e.Package == "" {
		if e.Output != "" {
			r.build(e.ImportPath).WriteString(e.Output)
		}
		return
	}
	p := r.packages[e.Package]
	if p == nil {
		p = &packageRun{tests: map[string]*testRun{}}
		r.packages[e.Package] = p
	}
	if e.Test == "" {
		switch e.Action {
		case "output":
			p.output.WriteString(e.Output)
		case "pass", "fail", "skip":
			r.finish(e, p)
			delete(r.packages, e.Package)
		}
		return
	}
	t := p.test(e.Test)
	t.seen = true
	switch e.Action {
	case "output":
		t.output.WriteString(e.Output)
		if m := logged.FindStringSubmatch(e.Output); m != nil {
			t.database = m[1]
		}
	case "pass", "fail", "skip":
		t.result = e.Action
	}
}

func (r *report) build(importPath string) *strings.Builder {
	if r.builds[importPath] == nil {
		r.builds[importPath] = &strings.Builder{}
	}
	return r.builds[importPath]
}

// test returns the test of that name, which makes its parents parents.
func (p *packageRun) test(name string) *testRun {
	if p.tests[name] == nil {
		p.tests[name] = &testRun{name: name}
		if n := strings.LastIndexByte(name, '/'); n >= 0 {
			p.test(name[:n]).parent = true
		}
	}
	return p.tests[name]
}

// finish counts a package that is over and says what failed in it.
func (r *report) finish(e event, p *packageRun) {
	var c count
	// Longer names first: a test comes after its subtests.
	tests := make([]*testRun, 0, len(p.tests))
	for _, t := range p.tests {
		tests = append(tests, t)
	}
	slices.SortFunc(tests, func(a, b *testRun) int { return strings.Compare(b.name, a.name) })
	for _, t := range tests {
		if !t.seen {
			continue
		}
		if t.result == "" && e.Action != "fail" {
			t.result = "pass" // an unfinished line of output hides a result from go test
		}
		failed := t.result == "" || t.result == "fail"
		if failed {
			p.blame(t.name)
		}
		if t.parent && (!failed || t.blamed) {
			continue
		}
		c.add(t.result)
		r.byDatabase[p.database(t)].add(t.result)
		if t.result == "skip" {
			r.skipped = append(r.skipped, short(e.Package)+" "+t.name+": "+reason(t.output.String()))
		}
		if failed {
			fmt.Fprintf(r.to, "\n--- %s %s\n%s\n", short(e.Package), t.name, p.outputOf(t.name))
		}
	}
	if e.Action == "fail" && c.failed == 0 {
		c.failed++
		r.byDatabase[none].failed++
		fmt.Fprintf(r.to, "\n--- %s\n%s\n", e.Package, p.output.String())
		for _, b := range r.builds {
			fmt.Fprint(r.to, b.String())
		}
		clear(r.builds)
	}
	r.all.passed, r.all.failed, r.all.skipped = r.all.passed+c.passed, r.all.failed+c.failed, r.all.skipped+c.skipped
	if e.Action == "skip" {
		return // there are no tests in it
	}
	word := map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action]
	fmt.Fprintf(r.to, "%-5s%-44s%6.1fs  %s\n", word, short(e.Package), e.Elapsed, c)
}

// blame marks the tests around a failed one, which fail because of it.
func (p *packageRun) blame(name string) {
	for n := strings.LastIndexByte(name, '/'); n >= 0; n = strings.LastIndexByte(name, '/') {
		name = name[:n]
		p.test(name).blamed = true
	}
}

// outputOf is what a test said, after what the tests around it said.
func (p *packageRun) outputOf(name string) string {
	var s strings.Builder
	for n := range name {
		if name[n] == '/' {
			s.WriteString(p.test(name[:n]).output.String())
		}
	}
	s.WriteString(p.test(name).output.String())
	return s.String()
}

// logged finds the line by which a harness says what it opened.
var logged = regexp.MustCompile(`: database: (\w+)\n$`)

var spellings = map[string]string{
	"sqlite": "sqlite", "sqlite3": "sqlite", "memory": "sqlite",
	"postgres": "postgres", "cockroach": "postgres", "mysql": "mysql", "mariadb": "mysql",
}

func (p *packageRun) database(t *testRun) string {
	for _, part := range strings.Split(t.name, "/") {
		if d := spellings[part]; d != "" {
			return d
		}
	}
	for name := t.name; ; name = name[:strings.LastIndexByte(name, '/')] {
		if d := spellings[p.test(name).database]; d != "" {
			return d
		}
		if !strings.Contains(name, "/") {
			return none
		}
	}
}

// reason is the last thing a skipped test said.
func reason(output string) string {
	why := ""
	for line := range strings.Lines(output) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "===") {
			why = line
		}
	}
	return why
}

func short(importPath string) string {
	if _, rest, ok := strings.Cut(importPath, "github.com/foyer-id/foyer/"); ok {
		return rest
	}
	return importPath
}

func (c count) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.passed, c.failed, c.skipped)
}

// summary prints the table and reports whether all is well.
func (r *report) summary() bool {
	for path, p := range r.packages { // go test has ended before they did
		r.finish(event{Action: "fail", Package: path}, p)
	}
	if len(r.skipped) > 0 {
		fmt.Fprintln(r.to, "\nskipped:")
		slices.Sort(r.skipped)
		for _, line := range r.skipped {
			fmt.Fprintln(r.to, "  "+line)
		}
	}
	fmt.Fprintf(r.to, "\n%-14s%8s%8s%8s\n", "tests on", "passed", "failed", "skipped")
	for _, name := range databases {
		c := r.byDatabase[name]
		fmt.Fprintf(r.to, "%-14s%8d%8d%8d\n", name, c.passed, c.failed, c.skipped)
	}
	fmt.Fprintf(r.to, "%-14s%8d%8d%8d\n\n%s\n", "all", r.all.passed, r.all.failed, r.all.skipped, r.all)
	return r.all.failed == 0 && r.all.passed > 0
}
