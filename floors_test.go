package foyer_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/foyer-id/foyer"

// floors are the rooms of the house. A room imports only from floors below its
// own; rooms of one floor never import each other.
var floors = map[string]int{
	".":                    0, // the embedded schemas
	"internal/fail":        0,
	"internal/txn":         0,
	"internal/seal":        0,
	"internal/web":         1,
	"internal/jsonnet":     1,
	"schema":               2,
	"courier":              2,
	"courier/template":     3,
	"courier/smtp":         3,
	"courier/gateway":      3,
	"identity":             3,
	"identity/hash":        3,
	"identity/session":     4,
	"selfservice/ui":       5,
	"selfservice":          6,
	"selfservice/strategy": 7, // and each package in it
	"hook":                 7,
	"persistence":          7,
	"cmd":                  8,
	"cmd/foyer":            9,
}

// outside are no rooms: tools and what tests are made with. No room imports them.
var outside = []string{"contrib", "internal/enginetest", "internal/testdb", "internal/process", "internal/hooksim", "internal/opsim", "selfservice/strategy/password/data/tool"}

// only lists who may import what, by the beginning of the import's path. An
// entry is a folder or a file; one without a slash is a file's name anywhere,
// where * stands for any part of it.
var only = map[string][]string{
	"database/sql":                        {"persistence"},
	"github.com/gobuffalo/pop":            {"persistence"},
	"github.com/jmoiron/sqlx":             {"persistence"},
	"github.com/jackc/pgx":                {"persistence"},
	"github.com/go-sql-driver/mysql":      {"persistence"},
	"modernc.org/sqlite":                  {"persistence"},
	"github.com/knadh/koanf":              {"cmd"},
	"github.com/spf13/cobra":              {"cmd"},
	"github.com/ory/jsonschema":           {"schema", "cmd"},
	"net/http":                            {"http.go", "*_http.go", "respond.go", "internal/web", "cmd", "selfservice/strategy/password/breach.go", "courier/gateway"},
	"github.com/stretchr/testify":         {},
	"testing":                             {},
	module + "/internal/enginetest":       {},
	module + "/internal/testdb":           {},
	module + "/internal/process":          {},
	module + "/internal/hooksim":          {},
	module + "/internal/opsim":            {},
	"github.com/prometheus/client_golang": {"cmd"},
	"github.com/wneessen/go-mail":         {"courier/smtp"},
	"github.com/google/go-jsonnet":        {"internal/jsonnet"},
	"github.com/expr-lang/expr":           {"hook"},
	"github.com/coreos/go-oidc":           {"selfservice/strategy/oidc"},
	"golang.org/x/oauth2":                 {"selfservice/strategy/oidc"},
	"github.com/standard-webhooks":        {},
	"github.com/emersion/go-smtp":         {},
	"github.com/emersion/go-sasl":         {},
}

// source is a file that is part of the program.
type source struct {
	path, room string
	file       *ast.File
}

func sources(t *testing.T) (all []source, at *token.FileSet) {
	t.Helper()
	at = token.NewFileSet()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || under(name, outside...)):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(at, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		all = append(all, source{filepath.ToSlash(name), path.Dir(filepath.ToSlash(name)), file})
		return err
	})
	require.NoError(t, err)
	require.Greater(t, len(all), 50, "the walk finds the program")
	return all, at
}

func under(name string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return name == f || strings.HasPrefix(name, f+"/") })
}

func floor(room string) (int, bool) {
	if under(room, "selfservice/strategy") {
		return floors["selfservice/strategy"], true
	}
	n, ok := floors[room]
	return n, ok
}

func imports(s source) (all []string) {
	for _, i := range s.file.Imports {
		name, _ := strconv.Unquote(i.Path.Value)
		all = append(all, name)
	}
	return all
}

func TestRoomsImportOnlyFromFloorsBelow(t *testing.T) {
	all, _ := sources(t)
	for _, s := range all {
		own, ok := floor(s.room)
		if !ok {
			t.Errorf("%s: %s is no room: give it a floor, or put it into one that has", s.path, s.room)
			continue
		}
		for _, name := range imports(s) {
			if name != module && !strings.HasPrefix(name, module+"/") {
				continue
			}
			other := strings.TrimPrefix(strings.TrimPrefix(name, module), "/")
			if other == "" {
				other = "."
			}
			if n, ok := floor(other); !ok || n >= own {
				t.Errorf("%s (floor %d) imports %s (floor %d)", s.path, own, other, n)
			}
		}
	}
}

func TestLibrariesStayInTheirRooms(t *testing.T) {
	all, _ := sources(t)
	for _, s := range all {
		for _, name := range imports(s) {
			for restricted, where := range only {
				if !under(name, restricted) {
					continue
				}
				named := func(pattern string) bool { ok, _ := path.Match(pattern, path.Base(s.path)); return ok }
				if !under(s.path, where...) && !slices.ContainsFunc(where, named) {
					t.Errorf("%s imports %s, which is for %v", s.path, name, where)
				}
			}
		}
	}
}

// The clock is a field, and whoever calls out does it through the guarded client.
func TestForbiddenNames(t *testing.T) {
	forbidden := map[string]string{
		"time.Now": "cmd", "time.Since": "cmd", "time.Until": "cmd",
		"http.DefaultClient": "nowhere", "http.DefaultTransport": "nowhere", "http.Get": "nowhere", "http.Post": "nowhere",
		"http.PostForm": "nowhere", "http.Head": "nowhere",
	}
	all, at := sources(t)
	for _, s := range all {
		ast.Inspect(s.file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := selector.X.(*ast.Ident); ok {
				name := x.Name + "." + selector.Sel.Name
				if where, ok := forbidden[name]; ok && !under(s.room, where) {
					t.Errorf("%s: %s is for %s", at.Position(selector.Pos()), name, where)
				}
			}
			return true
		})
	}
}

// Whoever changes people or sessions does it through their managers, who tell
// those that listen.
func TestPeopleChangeAtOnePoint(t *testing.T) {
	changes := map[string]string{
		"InsertIdentity": "identity", "UpdateIdentity": "identity", "VerifyAddress": "identity", "DeleteIdentity": "identity",
		"InsertSession": "identity/session", "Reauthenticate": "identity/session", "EndSessions": "identity/session",
	}
	all, at := sources(t)
	for _, s := range all {
		ast.Inspect(s.file, func(n ast.Node) bool {
			called, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of := ""
			switch x := called.X.(type) {
			case *ast.SelectorExpr:
				of = x.Sel.Name
			case *ast.Ident:
				of = x.Name
			}
			if where, ok := changes[called.Sel.Name]; ok && strings.EqualFold(of, "store") && s.room != where {
				t.Errorf("%s: the Store's %s is for the Manager in %s", at.Position(called.Pos()), called.Sel.Name, where)
			}
			return true
		})
	}
}

func TestNothingRegistersItself(t *testing.T) {
	all, _ := sources(t)
	for _, s := range all {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && s.path != "persistence/sqlite_driver.go" {
				t.Errorf("%s has a func init", s.path)
			}
		}
	}
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	all, at := sources(t)
	packages := map[string]bool{}
	for _, s := range all {
		packages[s.room] = packages[s.room] || s.file.Doc.Text() != ""
		if s.file.Name.Name == "main" {
			continue
		}
		for _, d := range s.file.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: %s has no comment", at.Position(d.Pos()), name)
			}
		}
	}
	for room, documented := range packages {
		require.True(t, documented, "package %s has no comment", room)
	}
}

// undocumented lists the exported names of a declaration that nothing is said about.
func undocumented(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && !slices.Contains(wellKnown, d.Name.Name) && d.Doc.Text() == "" && (d.Recv == nil || exportedReceiver(d.Recv)) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc.Text() == "" && s.Doc.Text() == "" {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc.Text() == "" && s.Doc.Text() == "" && s.Comment.Text() == "" {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// wellKnown are methods whose contract the standard library states.
var wellKnown = []string{"Error", "Unwrap", "String", "ServeHTTP"}

// exportedReceiver reports whether a method's type can be named from outside.
func exportedReceiver(r *ast.FieldList) bool {
	of := r.List[0].Type
	if p, ok := of.(*ast.StarExpr); ok {
		of = p.X
	}
	name, ok := of.(*ast.Ident)
	return ok && name.IsExported()
}
