// Package race holds the tests that let many clients submit at the very same
// moment: every client sends all of its request but the last byte, and then
// the last bytes leave together.
package race

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/selfservice/ui"
)

var addresses = flag.Int("addresses", 5, "addresses to race for, on each database")

const clients = 64

// However many register one address at once, with flows of their own and the
// address in several spellings, one gets it and the others are told.
func TestOneAddress(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		env := start(t, dsn)
		app := env.Native()
		for n := range *addresses {
			spellings := []string{fmt.Sprintf("person-%d@example.org", n), fmt.Sprintf("Person-%d@EXAMPLE.org", n), fmt.Sprintf("PERSON-%d@Example.ORG", n)}
			var requests [][]byte
			for i := range clients {
				requests = append(requests, submit(t, env, app.Open("").ID, spellings[i%len(spellings)]))
			}
			won := 0
			for _, a := range release(t, requests, env) {
				switch {
				case a.Status == http.StatusOK && a.SessionToken != "":
					won++
				case a.Status == http.StatusBadRequest && a.Says(ui.ErrTaken):
				default:
					t.Errorf("address %d: %s", n, a)
				}
			}
			require.Equal(t, 1, won, "clients that registered address %d", n)
			require.Len(t, withAddress(t, env, spellings[0]), 1, "identities of address %d", n)
		}
		t.Logf("%d addresses × %d clients: one identity each", *addresses, clients)
	})
}

// One submit sent many times at once, as by an impatient finger or a phone
// that repeats itself, registers once and always gets that one outcome.
func TestOneFlow(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		env := start(t, dsn)
		app := env.Native()
		for n := range *addresses {
			email := fmt.Sprintf("person-%d@example.org", n)
			request := submit(t, env, app.Open("").ID, email)
			ids, tokens := map[string]bool{}, map[string]bool{}
			for _, a := range release(t, repeat(request, clients), env) {
				require.Equal(t, http.StatusOK, a.Status, "flow %d: %s", n, a)
				ids[a.Identity.ID], tokens[a.SessionToken] = true, true
			}
			require.Len(t, ids, 1, "outcomes of flow %d", n)
			require.Len(t, tokens, clients, "every answer has a token of its own")
			require.Len(t, withAddress(t, env, email), 1)
		}
		t.Logf("%d flows × %d submits: one outcome each", *addresses, clients)
	})
}

func start(t *testing.T, dsn string) *enginetest.Env {
	return enginetest.New(t, enginetest.WithDSN(dsn), enginetest.WithSchema(process.Person), enginetest.With("log.level", "error"))
}

// submit is a whole request, as it goes over the wire.
func submit(t *testing.T, env *enginetest.Env, flow, email string) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{"method": "password", "password": process.Password, "traits": map[string]any{"email": email}})
	require.NoError(t, err)
	return post(env, "/self-service/registration?flow="+flow, body)
}

// post is a request to the public API.
func post(env *enginetest.Env, path string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n", path, host(env))
	fmt.Fprintf(&b, "Content-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	return b.Bytes()
}

func repeat(request []byte, n int) (all [][]byte) {
	for range n {
		all = append(all, request)
	}
	return all
}

func host(env *enginetest.Env) string { return strings.TrimPrefix(env.PublicURL, "http://") }

// release sends the requests, each on a connection of its own, so that their
// last bytes leave together, and returns the answers in the same order. Servers
// get them by turns.
func release(t *testing.T, requests [][]byte, servers ...*enginetest.Env) []*process.Answer {
	t.Helper()
	answers, errs := make([]*process.Answer, len(requests)), make([]error, len(requests))
	gate := make(chan struct{})
	var ready, done sync.WaitGroup
	for n, request := range requests {
		conn, err := net.Dial("tcp", host(servers[n%len(servers)]))
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(60*time.Second)))
		ready.Add(1)
		done.Go(func() {
			defer conn.Close()
			last := len(request) - 1
			_, errs[n] = conn.Write(request[:last])
			ready.Done()
			<-gate
			if errs[n] == nil {
				answers[n], errs[n] = finish(conn, request[last:])
			}
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
	for n := range errs {
		require.NoError(t, errs[n], "client %d", n)
	}
	return answers
}

func finish(conn net.Conn, last []byte) (*process.Answer, error) {
	if _, err := conn.Write(last); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return process.Read(res)
}

// withAddress lists the identities that sign in with an address.
func withAddress(t *testing.T, env *enginetest.Env, email string) []string {
	t.Helper()
	a, err := process.Call(http.DefaultClient, http.MethodGet, env.AdminURL+"/admin/identities?credentials_identifier="+url.QueryEscape(email), "", nil, nil)
	require.NoError(t, err)
	ids, err := a.IDs()
	require.NoError(t, err)
	return ids
}
