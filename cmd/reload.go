package cmd

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long files have to rest before they are read: who writes one
	// may not be done.
	settle = 200 * time.Millisecond
	// lookAgain is how often files are looked at whatever the system says of them:
	// some file systems say nothing.
	lookAgain = 5 * time.Second
)

// reloading reads the configuration again whenever it, or a local file that it
// refers to, has changed, and at SIGHUP. What is not whole changes nothing.
type reloading struct {
	live *live
	load LoadOptions
	seen [sha256.Size]byte
}

// follow reloads until ctx ends.
func (r *reloading) follow(ctx context.Context) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	defer signal.Stop(asked)
	a := r.live.serving.Load()
	folders, err := fsnotify.NewWatcher()
	if err != nil {
		a.options.Log.Warn("changes of the configuration are noticed within seconds only", "error", err)
		folders = nil
	} else {
		defer func() { _ = folders.Close() }()
	}
	r.seen = digest(r.files(a))
	var events <-chan fsnotify.Event // nil where the system tells nothing
	var failures <-chan error
	if folders != nil {
		events, failures = folders.Events, folders.Errors
	}
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		files := r.files(r.live.serving.Load())
		watch(folders, files)
		now := false
		select {
		case <-ctx.Done():
			return
		case <-asked:
			now = true
		case e := <-events:
			if !concerns(e, files) {
				continue
			}
			now = rest(ctx, events, files, asked)
		case err := <-failures:
			a.options.Log.Warn("changes of the configuration may be noticed late", "error", err)
		case <-again.C:
		}
		if ctx.Err() == nil {
			r.look(ctx, now)
		}
	}
}

// watch has the system tell, where it can, of changes in the folders of files. A folder that is
// not there is tried again.
func watch(folders *fsnotify.Watcher, files []string) {
	if folders == nil {
		return
	}
	for _, file := range files {
		_ = folders.Add(filepath.Dir(file))
	}
}

// concerns reports whether an event may be about one of files: others may lie in
// the same folder and change all the time, such as a database. What begins with
// two dots is how Kubernetes swaps the folder that files are links into.
func concerns(e fsnotify.Event, files []string) bool {
	return strings.HasPrefix(filepath.Base(e.Name), "..") ||
		slices.ContainsFunc(files, func(file string) bool { return filepath.Clean(file) == filepath.Clean(e.Name) })
}

// rest waits until none of files has changed for a while. It reports whether
// somebody asked for a reload meanwhile.
func rest(ctx context.Context, events <-chan fsnotify.Event, files []string, asked <-chan os.Signal) (now bool) {
	quiet := time.NewTimer(settle)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-asked:
			now = true
		case e := <-events:
			if concerns(e, files) {
				quiet.Reset(settle)
			}
		case <-quiet.C:
			return now
		}
	}
}

// digest tells files apart from what they were.
func digest(files []string) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, file := range files {
		raw, err := readAtMost(file, maxConfigFile)
		if err != nil {
			raw = []byte(err.Error())
		}
		one := sha256.Sum256(raw)
		fmt.Fprintf(h, "%d %s %x\n", len(file), file, one)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// look reloads if files have changed, or if that is asked for.
func (r *reloading) look(ctx context.Context, asked bool) {
	a := r.live.serving.Load()
	before := r.seen
	if r.seen = digest(r.files(a)); r.seen == before && !asked {
		return
	}
	next, err := r.build(ctx, a)
	if ctx.Err() != nil {
		if next != nil {
			next.post.close()
		}
		return
	}
	a.ground.reloads.note(err)
	if err != nil {
		a.options.Log.Error("the configuration has changed and is not whole; the last good one stays", "error", err, "revision", a.Config.Revision)
		return
	}
	r.live.take(ctx, next)
	if files := r.files(next); !slices.Equal(files, r.files(a)) {
		r.seen = digest(files) // else what has changed since it was read is still to be seen
	}
	a.options.Log.Info("the configuration is read again", "revision", next.Config.Revision, "before", a.Config.Revision)
}

// build makes the graph of the configuration as it is now.
func (r *reloading) build(ctx context.Context, a *App) (*App, error) {
	config, report, err := Load(r.load)
	if err != nil {
		return nil, err
	}
	if keys := config.keep(a.Config); len(keys) > 0 {
		a.options.Log.Warn("these keys have changed and take effect at the next start", "keys", keys)
		if config.Revision, err = config.revision(report.Files); err != nil {
			return nil, err
		}
	}
	report.Log(a.options.Log)
	if config.Secrets, _, err = ResolveSecrets(config); err != nil {
		return nil, err
	}
	next, err := build(ctx, config, a.ground, a.options)
	if err == nil {
		next.refersTo = report.Files
	}
	return next, err
}

// files are those whose change may change what is in effect.
func (r *reloading) files(a *App) []string { return slices.Concat(r.load.Files, a.refersTo) }

// keep takes over from a configuration that is in effect what only a start can
// change, and lists the keys that are meant to.
func (c *Config) keep(now *Config) (keys []string) {
	keep := func(key string, wanted, is any) {
		to, from := reflect.ValueOf(wanted).Elem(), reflect.ValueOf(is).Elem()
		if !reflect.DeepEqual(to.Interface(), from.Interface()) {
			keys = append(keys, key)
			to.Set(from)
		}
	}
	keep("dsn", &c.DSN, &now.DSN)
	keep("dev", &c.Dev, &now.Dev)
	keep("log", &c.Log, &now.Log)
	keep("database.allow_unsafe", &c.Database.AllowUnsafe, &now.Database.AllowUnsafe)
	for name, e := range map[string][2]*Endpoint{
		"serve.public": {&c.Serve.Public.Endpoint, &now.Serve.Public.Endpoint}, "serve.admin": {&c.Serve.Admin.Endpoint, &now.Serve.Admin.Endpoint},
	} {
		keep(name+".host", &e[0].Host, &e[1].Host)
		keep(name+".port", &e[0].Port, &e[1].Port)
		keep(name+".tls", &e[0].TLS, &e[1].TLS)
		keep(name+".socket", &e[0].Socket, &e[1].Socket)
	}
	if slices.ContainsFunc(keys, func(key string) bool { return strings.HasPrefix(key, "serve.admin.") }) {
		// Who may call was judged with a listener that is not there yet.
		keep(authKey, &c.Serve.Admin.Auth, &now.Serve.Admin.Auth)
	}
	slices.Sort(keys)
	return keys
}

// localFiles lists the files on this machine that a configuration refers to.
func localFiles(given any) (files []string) {
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if path, ok := localFile(v); ok {
				files = append(files, path)
			}
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(given)
	slices.Sort(files)
	return slices.Compact(files)
}

// localFile reads a value of the configuration as the path of a file: one that says
// so, whether or not it is there, or one that is.
func localFile(value string) (path string, ok bool) {
	if path, ok = strings.CutPrefix(value, "file://"); ok {
		if plain, err := url.PathUnescape(path); err == nil {
			path = plain
		}
		return path, true
	}
	if !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "./") && !strings.HasPrefix(value, "../") {
		return "", false
	}
	info, err := os.Stat(value)
	return value, err == nil && info.Mode().IsRegular()
}

// reloads is what has become of changes of the configuration.
type reloads struct {
	mu          sync.Mutex
	done, wrong int
	last        error // nil where the present files are in effect
}

func (r *reloads) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last = err; err != nil {
		r.wrong++
	} else {
		r.done++
	}
}

// state is how many took effect, how many could not, and why the last one could
// not.
func (r *reloads) state() (done, wrong int, last error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done, r.wrong, r.last
}
