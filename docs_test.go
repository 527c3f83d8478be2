package foyer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/courier/template"
	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

// docs/errors.md names every id the program can answer, with its status, and
// no other.
func TestErrorsPage(t *testing.T) {
	found := errorIDs(t)
	listed, reasons := map[string][]string{}, []string{}
	for _, row := range rows(t, "docs/errors.md") {
		if len(row) == 3 {
			reasons = append(reasons, row[0])
			continue
		}
		listed[row[0]] = append(listed[row[0]], row[1])
	}
	for id, statuses := range found.ids {
		require.Equal(t, statuses, listed[id], "docs/errors.md on %s", id)
	}
	for id := range listed {
		require.Contains(t, found.ids, id, "docs/errors.md has an id that the code has not")
	}
	slices.Sort(reasons)
	require.Equal(t, found.rejectReasons, reasons, "reject reasons")
}

// docs/messages.md has every message with its text and the context it fills in;
// a text may be there before the flow that uses it.
func TestMessagesPage(t *testing.T) {
	raw, err := os.ReadFile("selfservice/ui/messages/en.json")
	require.NoError(t, err)
	var texts map[string]string
	require.NoError(t, json.Unmarshal(raw, &texts))
	source, err := os.ReadFile("selfservice/ui/message.go")
	require.NoError(t, err)
	contexts := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t\w+ += (\d{7})(?:\s*// \{(.*)\})?`).FindAllStringSubmatch(string(source), -1) {
		contexts[m[1]] = "–"
		if m[2] != "" {
			contexts[m[1]] = "`" + strings.ReplaceAll(m[2], ", ", "`, `") + "`"
		}
	}
	listed := rows(t, "docs/messages.md")
	require.Len(t, listed, len(texts))
	for _, row := range listed {
		id, context, text := row[0], row[2], row[3]
		require.Equal(t, texts[id], text, "docs/messages.md on %s", id)
		if inUse, ok := contexts[id]; ok {
			require.Equal(t, inUse, context, "docs/messages.md on %s", id)
		}
		delete(contexts, id)
		for _, placeholder := range regexp.MustCompile(`\{[a-z_]+\}`).FindAllString(text, -1) {
			require.Contains(t, context, "`"+strings.Trim(placeholder, "{}")+"`", "docs/messages.md on %s", id)
		}
	}
	require.Empty(t, contexts, "constants without a text")
}

// docs/flows.md has everything that a client can be told to do next.
func TestFlowsPage(t *testing.T) {
	source, err := os.ReadFile("selfservice/next.go")
	require.NoError(t, err)
	var told, listed []string
	for _, m := range regexp.MustCompile(`(?m)^\tdo[A-Z]\w+ += "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		told = append(told, m[1])
	}
	for _, row := range rows(t, "docs/flows.md") {
		listed = append(listed, row[0])
	}
	require.NotEmpty(t, told)
	require.ElementsMatch(t, told, listed)
}

// Whatever page names a message by its id, there is one.
func TestMessagesByID(t *testing.T) {
	raw, err := os.ReadFile("selfservice/ui/messages/en.json")
	require.NoError(t, err)
	var texts map[string]string
	require.NoError(t, json.Unmarshal(raw, &texts))
	pages, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	for _, page := range append(pages, "README.md") {
		raw, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, id := range regexp.MustCompile(`\b[145]0[0-9]{5}\b`).FindAllString(string(raw), -1) {
			require.NotEmpty(t, texts[id], "%s names message %s", page, id)
		}
	}
}

// docs/configuration.md has every key that is in effect with its default, and
// names what is not.
func TestConfigurationPage(t *testing.T) {
	keys := configKeys(t)
	listed := map[string]string{}
	for _, row := range rows(t, "docs/configuration.md") {
		listed[row[0]] = row[1]
	}
	require.Equal(t, keys, listed)
}

// docs/operations.md has every metric of the program's own.
func TestOperationsPage(t *testing.T) {
	raw, err := os.ReadFile("cmd/metrics.go")
	require.NoError(t, err)
	var exported, listed []string
	for _, m := range regexp.MustCompile(`"(foyer_[a-z_]+)"`).FindAllStringSubmatch(string(raw), -1) {
		exported = append(exported, m[1])
	}
	for _, row := range rows(t, "docs/operations.md") {
		if strings.HasPrefix(row[0], "foyer_") {
			listed = append(listed, row[0])
		}
	}
	require.ElementsMatch(t, exported, listed)
}

// The README shows the calls of the quickstart's script, and the small
// configuration that docs/configuration.md shows.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	script, err := os.ReadFile("contrib/quickstart/curl.sh")
	require.NoError(t, err)
	calls := 0
	for line := range strings.Lines(string(script)) {
		if strings.Contains(line, "curl -sS") {
			calls++
			require.Contains(t, string(readme), line)
		}
	}
	require.Equal(t, 16, calls)
	page, err := os.ReadFile("docs/configuration.md")
	require.NoError(t, err)
	example := regexp.MustCompile("(?s)```yaml\ndsn:.*?```")
	require.Equal(t, string(example.Find(page)), string(example.Find(readme)))
	require.NotEmpty(t, example.Find(readme))
}

// docs/courier.md has every template, variable and function there is.
func TestCourierPage(t *testing.T) {
	raw, err := os.ReadFile("docs/courier.md")
	require.NoError(t, err)
	page := string(raw)
	for _, name := range template.Names() {
		require.Contains(t, page, name)
	}
	for file, found := range map[string]*regexp.Regexp{
		"data.go":  regexp.MustCompile(`"([A-Z]\w+)": +(?:""|map|int64|b\.)`),
		"funcs.go": regexp.MustCompile(`\t"([a-zA-Z]+)": +(?:func|b\.|isEmpty)`),
	} {
		source, err := os.ReadFile("courier/template/" + file)
		require.NoError(t, err)
		matches := found.FindAllStringSubmatch(string(source), -1)
		require.Greater(t, len(matches), 20, file)
		for _, m := range matches {
			if !goes[m[1]] {
				require.Regexp(t, "`\\.?"+m[1]+"`", page, file)
			}
		}
	}
}

// goes are functions of Go's text/template.
var goes = map[string]bool{"printf": true, "print": true, "println": true, "urlquery": true, "html": true, "js": true, "slice": true}

// docs/hooks.md has every type of event, every setting of a web_hook and every
// way in which one can fail.
func TestHooksPage(t *testing.T) {
	raw, err := os.ReadFile("docs/hooks.md")
	require.NoError(t, err)
	page := string(raw)
	for _, e := range identity.EventTypes {
		require.Contains(t, page, "\n| `"+e.Name+"` |")
	}
	raw, err = os.ReadFile(".schema/config.schema.json")
	require.NoError(t, err)
	var schema struct{ Definitions map[string]*configNode }
	require.NoError(t, json.Unmarshal(raw, &schema))
	fields := schema.Definitions["web_hook"].Properties
	require.Greater(t, len(fields), 10)
	for field, node := range fields {
		for below := range node.Properties {
			require.Contains(t, page, "\n| `"+field+"."+below+"` |")
		}
		if len(node.Properties) == 0 {
			require.Contains(t, page, "\n| `"+field+"` |")
		}
	}
	failures := 0
	for _, file := range []string{"hook/http.go", "hook/web_hook.go"} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?:upstream|misconfigured|because)\("([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
			failures++
			require.Contains(t, page, "| web_hook_"+m[1]+" |")
		}
	}
	require.Equal(t, 7, failures)
}

// docs/oidc.md has every kind of provider and every claim that a mapping knows.
func TestProvidersPage(t *testing.T) {
	raw, err := os.ReadFile("docs/oidc.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(raw), "\n## Kinds\n")
	require.True(t, found)
	table, _, found = strings.Cut(table, "\n## ")
	require.True(t, found)
	var listed []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([a-z][^|]*) \|`).FindAllStringSubmatch(table, -1) {
		if row[1] != "kind" {
			listed = append(listed, strings.Split(row[1], ", ")...)
		}
	}
	require.ElementsMatch(t, oidc.Kinds(), listed)
	source, err := os.ReadFile("selfservice/strategy/oidc/claims.go")
	require.NoError(t, err)
	known := regexp.MustCompile(`(?s)var known = \[\]string\{(.*?)\}`).FindStringSubmatch(string(source))
	require.NotNil(t, known)
	claims := regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(known[1], -1)
	require.Greater(t, len(claims), 20)
	for _, claim := range claims {
		require.Contains(t, string(raw), "`"+claim[1]+"`")
	}
}

// Every command that a page shows is there, with the flags it shows.
func TestCommands(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	command, flag, met := regexp.MustCompile(`(?m)^foyer((?: [a-z]+\b)+)([^|#\n]*)`), regexp.MustCompile(` (--?[a-z][a-z-]*)`), 0
	for _, page := range append(pages, "README.md") {
		raw, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, shown := range command.FindAllStringSubmatch(string(raw), -1) {
			met++
			var help bytes.Buffer
			require.Zero(t, cmd.Main(append(strings.Fields(shown[1]), "--help"), &help, &help), shown[0])
			require.Contains(t, help.String(), "Usage:\n  foyer"+shown[1]+" ", page)
			for _, f := range flag.FindAllStringSubmatch(shown[2], -1) {
				require.Regexp(t, `(^|[ ,])`+f[1]+`[ ,]`, help.String(), "%s: %s", page, shown[0])
			}
		}
	}
	require.Greater(t, met, 15)
}

// Every link between our own pages leads somewhere, down to the heading.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	more, err := filepath.Glob("docs/adr/*.md")
	require.NoError(t, err)
	pages = append(append(pages, more...), "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
	for _, page := range pages {
		raw, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`\]\(([^)#:]*)(?:#([^):]+))?\)`).FindAllStringSubmatch(string(raw), -1) {
			to := page
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(page), m[1])
			}
			_, err := os.Stat(to)
			require.NoError(t, err, "%s links to %s", page, m[1])
			if m[2] != "" {
				require.Contains(t, headings(t, to), m[2], "%s links to %s", page, m[0])
			}
		}
	}
}

// headings lists the anchors of a page as they are made from its headings.
func headings(t *testing.T, page string) (anchors []string) {
	raw, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(raw), -1) {
		plain := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		anchors = append(anchors, strings.ReplaceAll(plain, " ", "-"))
	}
	return anchors
}

// rows reads the table rows of a page that begin with a word in backquotes.
// The cells lose their backquotes.
func rows(t *testing.T, page string) (out [][]string) {
	raw, err := os.ReadFile(page)
	require.NoError(t, err)
	for line := range strings.Lines(string(raw)) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(strings.ReplaceAll(cells[i], `\|`, "|"))
		}
		cells[0] = strings.Trim(cells[0], "`")
		out = append(out, cells)
	}
	return out
}

// foundErrors are the ids in the code with the statuses they are answered with.
type foundErrors struct {
	ids           map[string][]string
	rejectReasons []string
}

func (f *foundErrors) add(id, status string) {
	if !slices.Contains(f.ids[id], status) {
		f.ids[id] = append(f.ids[id], status)
	}
}

// errorIDs reads the source of the program.
func errorIDs(t *testing.T) *foundErrors {
	f := &foundErrors{ids: map[string][]string{"internal_error": {"500"}, "client_gone": {"499"}}}
	statuses := kindStatuses(t)
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (path == "contrib" || len(path) > 1 && path[0] == '.'):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			in := ""
			if fn, ok := decl.(*ast.FuncDecl); ok {
				in = fn.Name.Name
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					f.call(t, path, in, call, statuses)
				}
				return true
			})
		}
		return nil
	}))
	slices.Sort(f.rejectReasons)
	f.rejectReasons = slices.Compact(f.rejectReasons)
	return f
}

// carriers are the functions that are given an id, and hand it to fail.New.
var carriers = map[string]bool{"refusal": true, "outboundError": true, "refuseJSON": true, "refuseName": true}

func (f *foundErrors) call(t *testing.T, path, in string, call *ast.CallExpr, statuses map[string]string) {
	name := called(call)
	text := func(i int) string {
		lit, ok := call.Args[i].(*ast.BasicLit)
		if !ok {
			return ""
		}
		value, err := strconv.Unquote(lit.Value)
		require.NoError(t, err)
		return value
	}
	switch name {
	case "fail.New", "fail.Wrap":
		kind, id := 0, 1
		if name == "fail.Wrap" {
			kind, id = 1, 2
		}
		if text(id) == "" {
			require.True(t, carriers[in], "%s: %s in %s has an id this test cannot read", path, name, in)
			return
		}
		f.add(text(id), statuses[strings.TrimPrefix(selector(call.Args[kind]), "fail.")])
	case "refusal":
		f.add(text(1), "503")
	case "outboundError":
		f.add(text(1), "502")
	case "refuseJSON":
		f.add(text(0), "400")
	case "refuseName":
		for _, format := range []string{"json", "form"} {
			if is := text(0); is == format || is == "" {
				f.add(format+"_"+text(1), "400")
			}
		}
	case "csrfViolation":
		if text(0) != "" {
			f.rejectReasons = append(f.rejectReasons, text(0))
		}
	}
}

func called(call *ast.CallExpr) string { return selector(call.Fun) }

func selector(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return selector(e.X) + "." + e.Sel.Name
	}
	return ""
}

// kindStatuses reads the comments beside the kinds of package fail.
func kindStatuses(t *testing.T) map[string]string {
	raw, err := os.ReadFile("internal/fail/fail.go")
	require.NoError(t, err)
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t([A-Z]\w+)[^/\n]*// (\d{3})`).FindAllStringSubmatch(string(raw), -1) {
		out[m[1]] = m[2]
	}
	require.Equal(t, "403", out["Forbidden"])
	return out
}

// configNode is one key of the configuration's schema.
type configNode struct {
	Ref        string                 `json:"$ref"`
	Type       any                    `json:"type"`
	Properties map[string]*configNode `json:"properties"`
	Items      *configNode            `json:"items"`
	Default    any                    `json:"default"`
	Effect     string                 `json:"x-foyer"`
}

// configKeys lists every key that can be set, down to where the first word
// about its effect is said: the default, or why it has none.
func configKeys(t *testing.T) map[string]string {
	raw, err := os.ReadFile(".schema/config.schema.json")
	require.NoError(t, err)
	var schema struct {
		configNode
		Definitions map[string]*configNode `json:"definitions"`
	}
	require.NoError(t, json.Unmarshal(raw, &schema))
	out := map[string]string{}
	var walk func(n *configNode, path string)
	walk = func(n *configNode, path string) {
		if strings.HasSuffix(n.Ref, "/template") && n.Effect == "" {
			// Eight keys each, all alike: the page spells them out once.
			out[path+".*"] = written(nil)
			return
		}
		if d := schema.Definitions[strings.TrimPrefix(n.Ref, "#/definitions/")]; d != nil {
			n = &configNode{Properties: d.Properties, Default: n.Default, Effect: n.Effect}
		}
		switch {
		case n.Effect == "planned":
			out[path] = "not in effect"
			return
		case n.Effect == "planned-protective":
			out[path] = "stops the start"
			return
		case n.Items != nil && len(n.Items.Properties) > 0 && !strings.HasSuffix(path, "hooks"):
			n, path = n.Items, path+"[]"
		case len(n.Properties) == 0:
			out[path] = written(n.Default)
			return
		}
		for key, child := range n.Properties {
			walk(child, strings.TrimPrefix(path+"."+key, "."))
		}
	}
	walk(&schema.configNode, "")
	return out
}

// written is a default as the page has it.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return "–"
	case string:
		if v != "" {
			return "`" + v + "`"
		}
		return "–"
	case []any:
		if len(v) == 0 {
			return "–"
		}
		var all []string
		for _, item := range v {
			all = append(all, written(item))
		}
		return strings.Join(all, ", ")
	}
	return "`" + fmt.Sprint(v) + "`"
}
