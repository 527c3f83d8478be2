package cmd

import (
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/v2"
)

// LoadOptions says where a configuration comes from.
type LoadOptions struct {
	Files []string // .yml, .yaml, .json or .toml; later ones win, lists are replaced as a whole
	Env   []string // NAME=value as in os.Environ; above all files
	Dev   bool     // --dev; "dev: true" in a file does the same
	Watch bool     // --watch-courier; "watch-courier: true" in a file does the same
	Serve bool     // what serving needs of this machine is checked, too: certificates, and where the database is to be
}

// Load reads, checks and completes a configuration. It writes nothing. When
// something is wrong, the error is Problems with everything that is; otherwise
// the report says what an operator should know all the same. Secrets that may
// be generated are left to ResolveSecrets.
func Load(o LoadOptions) (*Config, *Report, error) {
	schema, err := loadSchema()
	if err != nil {
		return nil, nil, err
	}
	k := koanf.New(pathSep)
	var sources []*source
	var problems []Problem
	for _, file := range o.Files {
		src, broken := readSource(k, file)
		problems = append(problems, broken...)
		if src != nil {
			sources = append(sources, src)
		}
	}
	if len(problems) > 0 {
		// With a file missing, half of the rest would be reported as missing, too.
		return nil, nil, Problems(sortProblems(problems, o.Files))
	}
	given, _ := normal(k.Raw()).(map[string]any)
	schema.root.withoutNulls(given)
	values, warnings := envValues(schema.root, o.Env)
	set, problems := applyEnv(given, values)

	findings := schema.validate(given)
	full := settings{schema.root.withDefaults(given)}
	dev := o.Dev || full.flag("dev")
	hostname, _ := os.Hostname()
	cfg := buildConfig(full, dev, hostname)
	cfg.Courier.Watch = cfg.Courier.Watch || o.Watch

	report := &Report{Warnings: warnings}
	check := &checker{cfg: cfg, given: settings{given}, report: report, receivers: map[string]string{}}
	check.run()
	if o.Serve {
		check.machine()
	}
	check.effects(schema.root, given)
	findings = append(findings, unsaid(findings, check.findings)...)
	for _, f := range findings {
		problems = append(problems, f.placed(sources, set))
	}
	if len(problems) > 0 {
		return nil, nil, Problems(sortProblems(problems, o.Files))
	}
	slices.Sort(report.Lifted)
	report.Files = localFiles(given)
	cfg.Revision, err = cfg.revision(report.Files)
	return cfg, report, err
}

// effects lists what is not in effect and refuses what protects.
func (c *checker) effects(root *schemaNode, given map[string]any) {
	var e effects
	e.walk(root, given, nil, false)
	slices.Sort(e.planned)
	c.report.NotInEffect = e.planned
	for _, f := range e.protective {
		key := strings.Join(f.path, ".")
		if c.cfg.Dev {
			c.report.Lifted = append(c.report.Lifted, key+": not built yet, so it does not protect")
			continue
		}
		c.findings = append(c.findings, f)
	}
}

// unsaid keeps those of more that concern no key already found wrong, nor
// anything above or below one: they would only be consequences.
func unsaid(found, more []finding) []finding {
	var out []finding
	for _, m := range more {
		related := func(f finding) bool {
			n := min(len(f.path), len(m.path))
			return slices.Equal(f.path[:n], m.path[:n])
		}
		if !slices.ContainsFunc(found, related) {
			out = append(out, m)
		}
	}
	return out
}

// placed finds where a finding belongs: the variable that set the key, or the
// file that holds it or what is nearest above it.
func (f finding) placed(sources []*source, set map[string]string) Problem {
	p := Problem{Key: strings.Join(f.path, "."), Reason: f.reason, Suggestion: f.suggestion}
	for n := len(f.path); n > 0; n-- {
		if name, ok := set[strings.Join(f.path[:n], pathSep)]; ok {
			p.File = envFile(name)
			return p
		}
	}
	file, at := locate(sources, f.path)
	p.File, p.Line, p.Column = file, at.line, at.col
	return p
}
