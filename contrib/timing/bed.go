package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foyer-id/foyer/internal/process"
)

// bed is a server under stealth on a database of its own.
type bed struct {
	p    *process.Process
	http *http.Client
	drop func()
}

// newBed starts one. Its messages go to the inbox of dev mode.
func newBed(ctx context.Context, engine, binary, dir string, cheap bool) (_ *bed, err error) {
	dir, err = os.MkdirTemp(dir, "server")
	if err != nil {
		return nil, err
	}
	b := &bed{http: process.NewHTTP(8, time.Minute)}
	b.p = &process.Process{
		Binary: binary, Dir: dir, Cheap: cheap, Verify: true, Recover: true, Wrapper: pin("0"),
		Config: map[string]any{
			"security.account_enumeration.mitigate":         true,
			"selfservice.methods.code.passwordless_enabled": true,
			"identity.schemas":                              []map[string]any{{"id": "person", "url": schema}},
		},
	}
	if b.p.DSN, b.drop, err = process.NewDatabase(ctx, engine, dir); err != nil {
		return nil, err
	}
	if err = b.p.Migrate(ctx); err == nil {
		err = b.p.Start(ctx)
	}
	if err != nil {
		b.drop()
		return nil, err
	}
	return b, nil
}

func (b *bed) close() error {
	defer b.drop()
	return b.p.Stop()
}

// schema is that of process, for people who sign in by codes, too.
var schema = "base64://" + base64.StdEncoding.EncodeToString([]byte(strings.Replace(process.Person,
	`{"password": {"identifier": true}}`, `{"password": {"identifier": true}, "code": {"identifier": true, "via": "email"}}`, 1)))

// people makes identities with the addresses, and a password each if so said.
func (b *bed) people(addresses []string, password bool) error {
	credentials := map[string]any{}
	if password {
		credentials["password"] = map[string]any{"config": map[string]any{"password": process.Password}}
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		wg.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= len(addresses) {
					return
				}
				a, err := process.Call(b.http, http.MethodPost, b.p.AdminURL+"/admin/identities", "", map[string]any{
					"schema_id": "person", "traits": map[string]any{"email": addresses[n]},
					"credentials": credentials,
				}, nil)
				if err == nil && a.Status != http.StatusCreated {
					err = fmt.Errorf("make an identity: %s", a)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// warm is how many pairs come first and do not count.
const warm = 50

// measure asks about pairs of a known and an unknown address, each used once,
// in random order. It returns milliseconds.
func (b *bed) measure(s scenario, native bool, pairs int, r *rand.Rand) (known, unknown []float64, err error) {
	all := make([][2]string, pairs+warm)
	var taken []string
	for n := range all {
		all[n] = [2]string{address(r), address(r)}
		taken = append(taken, all[n][0])
	}
	if err := b.people(taken, !s.bare); err != nil {
		return nil, nil, err
	}
	// Else each would be found beside the one before it, where the caches are warm.
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	c := &client{host: strings.TrimPrefix(b.p.PublicURL, "http://"), native: native}
	defer c.close()
	for n, pair := range all {
		var took [2]float64
		first := r.IntN(2)
		for _, class := range []int{first, 1 - first} {
			request, err := s.ready(c, pair[class])
			if err != nil {
				return nil, nil, err
			}
			d, err := c.expect(request, s.status, s.says)
			if err != nil {
				return nil, nil, err
			}
			took[class] = float64(d.Nanoseconds()) / 1e6
		}
		if n >= warm {
			known, unknown = append(known, took[0]), append(unknown, took[1])
		}
	}
	return known, unknown, nil
}

// address is one that nobody has. All are of one length, in no order.
func address(r *rand.Rand) string { return fmt.Sprintf("%016x@example.org", r.Uint64()) }

// pin is a command in front of another that keeps it on one core, nil where
// that cannot be.
func pin(core string) []string {
	if _, err := exec.LookPath("taskset"); err != nil || runtime.NumCPU() < 2 {
		return nil
	}
	return []string{"taskset", "-c", core}
}

// pinSelf keeps this process on a core that is not the servers'.
func pinSelf() string {
	if pin("1") == nil || exec.Command("taskset", "-apc", "1", fmt.Sprint(os.Getpid())).Run() != nil { //nolint:noctx // ends at once
		return "server and client on any core"
	}
	return "server and client on a core each"
}
