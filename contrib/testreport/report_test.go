package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func run(t *testing.T, events string) (*report, string) {
	t.Helper()
	var out strings.Builder
	r := newReport(&out)
	require.NoError(t, r.read(strings.NewReader(strings.ReplaceAll(events, "'", `"`))))
	return r, out.String()
}

func TestLeavesByDatabase(t *testing.T) {
	r, out := run(t, `
{'Action':'run','Package':'github.com/foyer-id/foyer/a','Test':'TestStore'}
{'Action':'run','Package':'github.com/foyer-id/foyer/a','Test':'TestStore/sqlite'}
{'Action':'pass','Package':'github.com/foyer-id/foyer/a','Test':'TestStore/sqlite/read'}
{'Action':'pass','Package':'github.com/foyer-id/foyer/a','Test':'TestStore/sqlite/write'}
{'Action':'pass','Package':'github.com/foyer-id/foyer/a','Test':'TestStore/sqlite'}
{'Action':'output','Package':'github.com/foyer-id/foyer/a','Test':'TestStore/mysql','Output':'    testdb.go:3: no server\n'}
{'Action':'output','Package':'github.com/foyer-id/foyer/a','Test':'TestStore/mysql','Output':'--- SKIP: x\n'}
{'Action':'skip','Package':'github.com/foyer-id/foyer/a','Test':'TestStore/mysql'}
{'Action':'pass','Package':'github.com/foyer-id/foyer/a','Test':'TestStore'}
{'Action':'output','Package':'github.com/foyer-id/foyer/a','Test':'TestFlow','Output':'    env.go:9: database: sqlite3\n'}
{'Action':'pass','Package':'github.com/foyer-id/foyer/a','Test':'TestFlow/html'}
{'Action':'pass','Package':'github.com/foyer-id/foyer/a','Test':'TestFlow'}
{'Action':'pass','Package':'github.com/foyer-id/foyer/a','Test':'TestPure'}
{'Action':'pass','Package':'github.com/foyer-id/foyer/a'}
`)
	require.Equal(t, count{4, 0, 1}, r.all)
	require.Equal(t, count{3, 0, 0}, *r.byDatabase["sqlite"])
	require.Equal(t, count{0, 0, 1}, *r.byDatabase["mysql"])
	require.Equal(t, count{1, 0, 0}, *r.byDatabase[none])
	require.Equal(t, []string{"a TestStore/mysql: testdb.go:3: no server"}, r.skipped)
	require.Contains(t, out, "4 passed, 0 failed, 1 skipped")
	require.True(t, r.summary())
}

func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		events string
		want   count
		says   string
	}{
		"a subtest, once": {`
{'Action':'output','Package':'p','Test':'TestA/x','Output':'it broke\n'}
{'Action':'fail','Package':'p','Test':'TestA/x'}
{'Action':'pass','Package':'p','Test':'TestA/y'}
{'Action':'fail','Package':'p','Test':'TestA'}
{'Action':'fail','Package':'p'}`, count{1, 1, 0}, "it broke"},
		"a test after its subtests": {`
{'Action':'pass','Package':'p','Test':'TestA/y'}
{'Action':'output','Package':'p','Test':'TestA','Output':'the end broke\n'}
{'Action':'fail','Package':'p','Test':'TestA'}
{'Action':'fail','Package':'p'}`, count{1, 1, 0}, "the end broke"},
		"a test that never ended": {`
{'Action':'run','Package':'p','Test':'TestA'}
{'Action':'output','Package':'p','Test':'TestA','Output':'panic: oh\n'}
{'Action':'fail','Package':'p'}`, count{0, 1, 0}, "panic: oh"},
		"a package without tests run": {`
{'Action':'output','Package':'p','Output':'exit status 2\n'}
{'Action':'fail','Package':'p'}`, count{0, 1, 0}, "exit status 2"},
		"a build": {`
{'Action':'build-output','ImportPath':'p [p.test]','Output':'undefined: x\n'}
{'Action':'build-fail','ImportPath':'p [p.test]'}
{'Action':'output','Package':'p','Output':'FAIL p [build failed]\n'}
{'Action':'fail','Package':'p'}`, count{0, 1, 0}, "undefined: x"},
	} {
		t.Run(name, func(t *testing.T) {
			r, out := run(t, c.events)
			require.Equal(t, c.want, r.all)
			require.Contains(t, out, c.says)
			require.False(t, r.summary())
		})
	}
}

// A slash in a subtest's own name makes no test of what stands before it.
func TestSlashes(t *testing.T) {
	r, _ := run(t, `
{'Action':'run','Package':'p','Test':'TestA'}
{'Action':'pass','Package':'p','Test':'TestA/text/html'}
{'Action':'fail','Package':'p','Test':'TestA/text/plain'}
{'Action':'fail','Package':'p','Test':'TestA'}
{'Action':'fail','Package':'p'}`)
	require.Equal(t, count{1, 1, 0}, r.all)
}

// A run that was cut off has failed, and so has one that ran nothing.
func TestNothingIsNoSuccess(t *testing.T) {
	r, _ := run(t, `{'Action':'run','Package':'p','Test':'TestA'}`)
	require.False(t, r.summary())
	require.Equal(t, 1, r.all.failed)
	r, _ = run(t, "")
	require.False(t, r.summary())
}
