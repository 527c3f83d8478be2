package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/foyer-id/foyer/identity/hash"
	"github.com/foyer-id/foyer/internal/hooksim"
	"github.com/foyer-id/foyer/internal/opsim"
	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/persistence"
)

// bed is an engine to measure on.
type bed struct {
	engine, binary, dir string
	last                string // dsn of the newest database
	drops               []func()
	started             []*process.Process
	mails               []*process.MailServer
	receivers           []*hooksim.Receiver
	op                  *opsim.Provider // nil until a server needs it
}

// newBed returns process.ErrNoServer where there is none.
func newBed(ctx context.Context, engine, binary, dir string) (*bed, error) {
	b := &bed{engine: engine, binary: binary, dir: filepath.Join(dir, engine)}
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		return nil, err
	}
	return b, b.create(ctx)
}

// create makes an empty database.
func (b *bed) create(ctx context.Context) error {
	dsn, drop, err := process.NewDatabase(ctx, b.engine, b.dir)
	if err == nil {
		b.last, b.drops = dsn, append(b.drops, drop)
	}
	return err
}

// drop leaves nothing behind, after a failure neither.
func (b *bed) drop() {
	for _, p := range b.started {
		_ = p.Kill()
	}
	for _, m := range b.mails {
		m.Close()
	}
	for _, r := range b.receivers {
		r.Close()
	}
	if b.op != nil {
		b.op.Close()
	}
	for _, drop := range b.drops {
		drop()
	}
}

// kind is how a server is set up.
type kind int

const (
	usual    kind = iota // hashes at production cost, and nothing that sends anything
	cheap                // hashes that cost next to nothing
	hooked               // the same, and a web_hook after each registration, which stays in the queue
	called               // the same, and the server delivers to a receiver of this process
	told                 // as cheap, and the server tells such a receiver that somebody has registered
	provided             // as cheap, and a provider in this process
	queued               // as cheap, and a mail to each address, which stays in the queue
	mailed               // the same, and the server delivers to a mail server of this process
)

// start runs a server on a database of its own. arrived counts what it has
// delivered; it is nil where the server does not deliver.
func (b *bed) start(ctx context.Context, k kind, wrapper []string) (p *process.Process, arrived func() int, err error) {
	if err := b.create(ctx); err != nil {
		return nil, nil, err
	}
	delivers := k == called || k == told || k == mailed
	p = &process.Process{
		Binary: b.binary, DSN: b.last, Cheap: k != usual, Wrapper: wrapper, Verify: k >= queued, Recover: k >= queued, Config: map[string]any{"watch-courier": delivers},
	}
	switch k {
	case mailed:
		mail, err := b.mailServer()
		if err != nil {
			return nil, nil, err
		}
		p.Mail, arrived = mail.URI(), mail.Count
	case hooked, called, told:
		r, err := hooksim.Start()
		if err != nil {
			return nil, nil, err
		}
		b.receivers = append(b.receivers, r)
		tell(p.Config, k, r.URL("ok"))
		if delivers {
			arrived = r.Total
		}
	}
	if k == provided {
		if b.op, err = opsim.Start(opsim.Config{}); err != nil {
			return nil, nil, err
		}
		maps.Copy(p.Config, process.ProvidedBy(b.op.Issuer(), opsim.ClientID, opsim.ClientSecret))
	}
	if err := p.Migrate(ctx); err != nil {
		return nil, nil, err
	}
	return p, arrived, b.run(ctx, p)
}

// tell configures that somebody hears of each registration.
func tell(config map[string]any, k kind, url string) {
	config["secrets.web_hook"] = []string{"whsec_dGhlIHNlY3JldCBvZiBhIG1lYXN1cmVtZW50LCBhbmQgb25seSBpdHM="}
	if k == told {
		config["events.endpoints"] = []map[string]any{{"id": "bench", "url": url, "types": []string{"registration.completed"}}}
		return
	}
	config["selfservice.flows.registration.after.password.hooks"] = []map[string]any{
		{"hook": "web_hook", "config": map[string]any{"url": url, "method": "POST", "body": []string{"flow.id", "identity.id", "identity.traits"}}},
		{"hook": "session"},
	}
}

// run starts a process in a folder of its own.
func (b *bed) run(ctx context.Context, p *process.Process) (err error) {
	if p.Dir, err = os.MkdirTemp(b.dir, "process"); err != nil {
		return err
	}
	b.started = append(b.started, p)
	return p.Start(ctx)
}

// mailServer starts one, which takes every mail at once.
func (b *bed) mailServer() (*process.MailServer, error) {
	mail, err := process.NewMailServer(nil)
	if err == nil {
		b.mails = append(b.mails, mail)
	}
	return mail, err
}

// durability says whether what is measured would survive a power cut.
func (b *bed) durability(ctx context.Context) string {
	store, err := persistence.Open(ctx, persistence.Options{DSN: b.last, Dev: true, Now: time.Now})
	if err != nil {
		return err.Error()
	}
	defer store.Close()
	level, problems, err := store.Durability(ctx)
	if err != nil {
		return err.Error()
	}
	text := "durability " + level
	if len(problems) > 0 {
		text += " (" + strings.Join(problems, "; ") + "): commits cost less here than they would"
	}
	if b.engine == "postgres" {
		text += "; CPU includes all processes named postgres"
	}
	return text
}

// cpu is the processor time spent by the server so far, and by its database,
// in seconds.
func (b *bed) cpu(pid int) float64 {
	spent := stat(strconv.Itoa(pid))
	if b.engine != "postgres" {
		return spent
	}
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, file := range names {
		if name, _ := os.ReadFile(file); strings.TrimSpace(string(name)) == "postgres" {
			spent += stat(filepath.Base(filepath.Dir(file)))
		}
	}
	return spent
}

// stat reads user and system time of a process, counted in hundredths of a second.
func stat(pid string) float64 {
	raw, _ := os.ReadFile("/proc/" + pid + "/stat")
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// status reads a size in MiB of a process, such as VmRSS or its peak VmHWM.
func status(pid int, name string) float64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}

// forgetPeak makes a process's VmHWM start again at its present size.
func forgetPeak(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// hashCost is the processor time of one password hash with the default
// settings, all cores busy as in the server, in microseconds.
func hashCost(ctx context.Context) float64 {
	config := hash.Defaults()
	config.Now = time.Now
	hasher, err := hash.New(config)
	if err != nil {
		return 0
	}
	const each = 20
	before := self()
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			for range each {
				_, _ = hasher.Hash(ctx, []byte(process.Password))
			}
		})
	}
	wg.Wait()
	return (self() - before) / float64(each*runtime.NumCPU())
}

// self is this process's own processor time in microseconds.
func self() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1000
}

// tracer is the command that writes flushes to a file, or nil where strace is
// missing or may not trace.
func tracer(file string) []string {
	command := []string{"strace", "-D", "-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync,fdatasync", "-o", file}
	if exec.Command(command[0], append(command[1:], "true")...).Run() != nil { //nolint:noctx // ends at once
		return nil
	}
	return command
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}
