package cmd_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
)

var program process.Shared

// reloaded is a program whose configuration a test changes under it.
type reloaded struct {
	*process.Process
	t    *testing.T
	file string
}

func newReloaded(t *testing.T, config map[string]any) *reloaded {
	t.Helper()
	r := &reloaded{t: t, Process: &process.Process{Binary: program.Binary(t), Dir: t.TempDir(), DSN: testdb.SQLite(t), Cheap: true, Config: config}}
	t.Cleanup(func() {
		if t.Failed() {
			said, _ := os.ReadFile(r.LogFile())
			t.Logf("%s", said)
		}
		_ = r.Kill()
	})
	require.NoError(t, r.Start(t.Context()))
	r.file = filepath.Join(r.Dir, "foyer.json")
	return r
}

func (r *reloaded) get(url string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, url, nil)
	require.NoError(r.t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(r.t, err)
	return res.StatusCode, string(body)
}

// shows waits until a URL of the admin API shows something.
func (r *reloaded) shows(path, what string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		_, body := r.get(r.AdminURL + path)
		return strings.Contains(body, what)
	}, 20*time.Second, 20*time.Millisecond, "%s does not show %s", path, what)
}

func (r *reloaded) form() string {
	_, body := r.get(r.PublicURL + "/self-service/registration/api")
	return body
}

// edit changes a file in place, as an editor that writes over it.
func edit(t *testing.T, file string, change func(string) string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(change(string(raw))), 0o600))
}

func with(key string, value any) func(string) string {
	return func(raw string) string {
		var config map[string]any
		if err := json.Unmarshal([]byte(raw), &config); err != nil {
			panic(err)
		}
		at := config
		steps := strings.Split(key, ".")
		for _, step := range steps[:len(steps)-1] {
			next, _ := at[step].(map[string]any)
			if next == nil {
				next = map[string]any{}
				at[step] = next
			}
			at = next
		}
		at[steps[len(steps)-1]] = value
		out, err := json.Marshal(config)
		if err != nil {
			panic(err)
		}
		return string(out)
	}
}

// A schema that changes changes the next form; one that is not whole changes
// nothing, is told, and is forgotten with the next good one.
func TestReloadOfASchema(t *testing.T) {
	r := newReloaded(t, nil)
	schema := filepath.Join(r.Dir, "person.schema.json")
	_, before := r.get(r.AdminURL + "/admin/health/config")
	require.NotContains(t, r.form(), "traits.nick")
	edit(t, schema, func(s string) string { return strings.Replace(s, `"name":`, `"nick": {"type": "string"}, "name":`, 1) })
	require.Eventually(t, func() bool { return strings.Contains(r.form(), "traits.nick") }, 20*time.Second, 20*time.Millisecond)
	_, after := r.get(r.AdminURL + "/admin/health/config")
	require.NotEqual(t, before, after)
	r.shows("/admin/metrics/prometheus", "foyer_config_reloads_total 1")

	good, err := os.ReadFile(schema)
	require.NoError(t, err)
	for _, bad := range []string{"{", `{"type": "object"}`, strings.Replace(string(good), `"email"`, `"email`, 1)} {
		require.NoError(t, os.WriteFile(schema, []byte(bad), 0o600))
		r.shows("/admin/health/ready", "an earlier configuration is in effect")
		r.shows("/admin/metrics/prometheus", "foyer_config_valid 0")
		status, _ := r.get(r.AdminURL + "/admin/health/ready")
		require.Equal(t, http.StatusOK, status, "it can do its work")
		require.Contains(t, r.form(), "traits.nick")
		_, still := r.get(r.AdminURL + "/admin/health/config")
		require.Equal(t, after, still)
		require.NoError(t, os.WriteFile(schema, good, 0o600))
		r.shows("/admin/metrics/prometheus", "foyer_config_valid 1")
		_, ready := r.get(r.AdminURL + "/admin/health/ready")
		require.NotContains(t, ready, "configuration")
	}
	require.NoError(t, r.Stop())
}

// However a file is replaced, it is noticed.
func TestReloadHoweverWritten(t *testing.T) {
	r := newReloaded(t, nil)
	lifespan := func(n int) func(string) string {
		return with("selfservice.flows.registration.lifespan", fmt.Sprintf("%dm", n))
	}
	lives := func(n int, how string) {
		t.Helper()
		require.Eventually(t, func() bool {
			var f struct {
				Expires time.Time `json:"expires_at"`
				Issued  time.Time `json:"issued_at"`
			}
			return json.Unmarshal([]byte(r.form()), &f) == nil && f.Expires.Sub(f.Issued) == time.Duration(n)*time.Minute
		}, 20*time.Second, 20*time.Millisecond, how)
	}
	raw, err := os.ReadFile(r.file)
	require.NoError(t, err)
	edit(t, r.file, lifespan(11))
	lives(11, "written over")

	beside := r.file + ".new"
	require.NoError(t, os.WriteFile(beside, []byte(lifespan(12)(string(raw))), 0o600))
	require.NoError(t, os.Rename(beside, r.file))
	lives(12, "replaced by rename")

	require.NoError(t, os.Remove(r.file))
	r.shows("/admin/metrics/prometheus", "foyer_config_valid 0")
	lives(12, "while it is gone")
	require.NoError(t, os.WriteFile(r.file, []byte(lifespan(13)(string(raw))), 0o600))
	lives(13, "removed and made again")

	// As Kubernetes mounts a ConfigMap: the file is a link into a folder that is one
	// itself, and that is swapped.
	for n := range 3 {
		data := filepath.Join(r.Dir, fmt.Sprintf("..2026_%d", n))
		require.NoError(t, os.Mkdir(data, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(data, "foyer.json"), []byte(lifespan(20+n)(string(raw))), 0o600))
		require.NoError(t, os.Symlink(filepath.Base(data), filepath.Join(r.Dir, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(r.Dir, "..data_tmp"), filepath.Join(r.Dir, "..data")))
		if n == 0 {
			require.NoError(t, os.Remove(r.file))
			require.NoError(t, os.Symlink(filepath.Join("..data", "foyer.json"), r.file))
		}
		lives(20+n, "swapped folders")
	}

	edit(t, r.file, func(s string) string { return s + "\n" })
	require.NoError(t, syscall.Kill(r.PID(), syscall.SIGHUP))
	require.NoError(t, syscall.Kill(r.PID(), syscall.SIGHUP))
	lives(22, "asked by signal")
	require.NoError(t, r.Stop())
}

// What only a start can change is named, and stays; the rest takes effect.
func TestReloadNamesWhatNeedsARestart(t *testing.T) {
	r := newReloaded(t, nil)
	edit(t, r.file, func(raw string) string {
		return with("log.level", "debug")(with("serve.admin.port", 4777)(with("dsn", "memory")(with("selfservice.flows.registration.lifespan", "7m")(raw))))
	})
	r.shows("/admin/metrics/prometheus", "foyer_config_reloads_total 1")
	said, err := os.ReadFile(r.LogFile())
	require.NoError(t, err)
	require.Contains(t, string(said), `"keys":["dsn","log","serve.admin.port"]`)
	var f struct {
		Expires time.Time `json:"expires_at"`
		Issued  time.Time `json:"issued_at"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.form()), &f))
	require.Equal(t, 7*time.Minute, f.Expires.Sub(f.Issued))
	require.NoError(t, r.Stop())
}

// Who may call the admin API changes at once, but never without the listener that
// it was judged with.
func TestReloadOfCallers(t *testing.T) {
	r := newReloaded(t, nil)
	raw, err := os.ReadFile(r.file)
	require.NoError(t, err)
	answers := func(status int) {
		t.Helper()
		require.Eventually(t, func() bool {
			got, _ := r.get(r.AdminURL + "/admin/identities")
			return got == status
		}, 20*time.Second, 20*time.Millisecond)
	}
	asking := with("serve.admin.auth", map[string]any{"tokens": []any{caller("crm", "identity")}})
	edit(t, r.file, func(string) string { return with("serve.admin.port", 4777)(asking(string(raw))) })
	r.shows("/admin/metrics/prometheus", "foyer_config_reloads_total 1")
	said, err := os.ReadFile(r.LogFile())
	require.NoError(t, err)
	require.Contains(t, string(said), `"keys":["serve.admin.auth","serve.admin.port"]`)
	answers(http.StatusOK)
	edit(t, r.file, func(string) string { return asking(string(raw)) })
	answers(http.StatusUnauthorized)
	edit(t, r.file, func(string) string { return with("serve.admin.host", "localhost")(string(raw)) })
	require.Eventually(t, func() bool {
		said, err := os.ReadFile(r.LogFile())
		return err == nil && strings.Contains(string(said), `"keys":["serve.admin.auth","serve.admin.host"]`)
	}, 20*time.Second, 20*time.Millisecond)
	answers(http.StatusUnauthorized)
	edit(t, r.file, func(string) string { return string(raw) })
	answers(http.StatusOK)
	require.NoError(t, r.Stop())
}

// While the configuration changes again and again nobody is refused, and a sign-up
// that began before goes on.
func TestReloadDropsNothing(t *testing.T) {
	r := newReloaded(t, nil)
	client := process.NewHTTP(16, 20*time.Second)
	defer client.CloseIdleConnections()
	var stop atomic.Bool
	var done atomic.Int64
	var wg sync.WaitGroup
	failed := make(chan string, 16)
	for n := range 8 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				flow, err := r.Open(client)
				if err == nil {
					var a *process.Answer
					a, err = r.Submit(client, flow, fmt.Sprintf("p%d-%d@example.org", n, i), nil)
					if err == nil && a.Status != http.StatusOK {
						err = fmt.Errorf("%s", a)
					}
				}
				if err != nil {
					failed <- err.Error()
					return
				}
				done.Add(1)
			}
		})
	}
	for n := range 10 {
		edit(t, r.file, with("selfservice.flows.registration.lifespan", fmt.Sprintf("%dm", 30+n)))
		r.shows("/admin/metrics/prometheus", fmt.Sprintf("foyer_config_reloads_total %d", n+1))
	}
	stop.Store(true)
	wg.Wait()
	close(failed)
	for why := range failed {
		t.Error(why)
	}
	require.Greater(t, done.Load(), int64(20))
	_, metrics := r.get(r.AdminURL + "/admin/metrics/prometheus")
	require.NotContains(t, metrics, `status="5`)
	require.NoError(t, r.Stop())
}
