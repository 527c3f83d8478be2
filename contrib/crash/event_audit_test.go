package crash

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/hooksim"
	"github.com/foyer-id/foyer/internal/testdb"
)

// row is a row of the outbox.
type row struct {
	id, lane, channel, kind, status string
	created                         int64 // in microseconds
}

// heard is what the listener heard of a row.
type heard struct {
	body    []byte
	said    telling
	first   int         // the first call, by its number
	last    int         // the last one
	taken   int         // the first that was answered with success; -1 for none
	moments []time.Time // of all those
}

// audit holds what the listener heard against the tables.
type audit struct {
	k     *killer
	rows  []*row // in the order of their numbers
	heard map[string]*heard
	first map[string]*heard // those of heard that were taken

	asked []string // reservations

	identities, owners map[string]string // by id: traits; by session: its owner

	people, attempts, twice, sessions int
	slow                              int // of twice: on this machine a worker was not done within its lease
	confirmed, cancelled, meanwhile   int
	told                              map[string]int // by channel
	wrong                             []string
}

func newAudit(t *testing.T, dsn string, calls []hooksim.Call, k *killer) *audit {
	t.Helper()
	a := &audit{k: k, told: map[string]int{}, identities: map[string]string{}, owners: map[string]string{}}
	a.heard, a.first = a.listenTo(calls)
	a.attempts = len(calls)
	db := testdb.Open(t, dsn)
	defer db.Close()
	order := "seq"
	if strings.HasPrefix(dsn, "sqlite") {
		order = "rowid"
	}
	rows, err := db.Query("SELECT id, lane, channel, template, status, created_at FROM messages WHERE queue = 'events' ORDER BY " + order)
	require.NoError(t, err)
	for rows.Next() {
		r := &row{}
		require.NoError(t, rows.Scan(&r.id, &r.lane, &r.channel, &r.kind, &r.status, &r.created))
		a.rows = append(a.rows, r)
	}
	require.NoError(t, rows.Err())
	pairs := func(into map[string]string, query string) {
		rows, err := db.Query(query)
		require.NoError(t, err)
		for rows.Next() {
			var key, value string
			require.NoError(t, rows.Scan(&key, &value))
			into[key] = value
		}
		require.NoError(t, rows.Err())
	}
	pairs(a.identities, "SELECT id, traits FROM identities")
	pairs(a.owners, "SELECT id, identity_id FROM sessions")
	return a
}

func (a *audit) complain(format string, args ...any) {
	a.wrong = append(a.wrong, fmt.Sprintf(format, args...))
}

func (a *audit) want(ok bool, format string, args ...any) {
	if !ok {
		a.complain(format, args...)
	}
}

// listenTo sorts calls by the row they are of. Questions are of none.
func (a *audit) listenTo(calls []hooksim.Call) (all, taken map[string]*heard) {
	all, taken = map[string]*heard{}, map[string]*heard{}
	for n, c := range calls {
		id := c.Header.Get("Webhook-Id")
		said := read(c)
		if said.Type == "reservation.reserve" {
			a.asked = append(a.asked, said.Data.Reservation)
			continue
		}
		h := all[id]
		if h == nil {
			h = &heard{body: c.Body, said: said, first: n, taken: -1}
			all[id] = h
		}
		h.last = n
		a.want(string(c.Body) == string(h.body), "%s says something else at another attempt", id)
		a.want(c.Method == http.MethodPost && id != "", "%s %s", c.Method, c.Path)
		if c.Mode != "ok" {
			continue
		}
		if h.taken < 0 {
			h.taken, taken[id] = n, h
		}
		h.moments = append(h.moments, c.At)
	}
	return all, taken
}

// all looks for everything that should not be.
func (a *audit) all(j *journal, v *regulars) {
	a.people = len(j.acknowledged)
	a.each()
	a.order(a.rows, a.heard)
	a.identitiesTold(j)
	a.namesTold(v)
	a.sessionsTold(v)
}

// each holds rows against deliveries, one by one.
func (a *audit) each() {
	known := map[string]*row{}
	for _, r := range a.rows {
		known[r.id] = r
		a.told[r.channel]++
		a.want(r.status == "sent", "%s (%s) is %s", r.id, r.kind, r.status)
		a.want(a.first[r.id] != nil, "%s (%s) was delivered to nobody", r.id, r.kind)
	}
	for id, h := range a.heard {
		a.want(known[id] != nil, "%s (%s) was sent and is in no row", id, h.said.Type)
	}
	for id, h := range a.first {
		a.twice += len(h.moments) - 1
		for n := 1; n < len(h.moments); n++ {
			after := h.moments[n].Sub(h.moments[n-1])
			if a.k.between(h.moments[n-1], h.moments[n-1], h.moments[n]) {
				continue
			}
			a.slow++
			a.want(after > eventLease*9/10, "%s (%s) was delivered again after %s, and nobody was killed at the first", id, h.said.Type, after)
		}
		if h.said.Type == "identity.created" {
			a.meanwhile += h.taken - h.first
		}
	}
}

// share is what was delivered again, in percent.
func (a *audit) share() float64 { return 100 * float64(a.twice) / float64(max(1, len(a.first))) }

// order checks that of each lane a row is sent for the first time once the one
// before it has been taken, and was sent for the last time.
func (a *audit) order(rows []*row, of map[string]*heard) {
	before := map[string]*heard{} // by lane
	for _, r := range rows {
		h := of[r.id]
		if r.lane == "" || h == nil {
			continue
		}
		if b := before[r.lane]; b != nil {
			a.want(b.taken >= 0 && b.taken < h.first && b.last < h.first, "%s (%s) was sent before %s was done", r.id, r.kind, b.said.Type)
		}
		before[r.lane] = h
	}
}

// identitiesTold checks that everybody is told of who has been acknowledged, and
// of nobody else; as created, as registered, by the web_hook, and as booked.
func (a *audit) identitiesTold(j *journal) {
	told := map[string]map[string]int{}
	count := func(what, person string) {
		if told[what] == nil {
			told[what] = map[string]int{}
		}
		told[what][person]++
	}
	for _, e := range j.acknowledged {
		count("acknowledged", e.id)
	}
	ended := map[string]string{} // reservation to its end
	for _, h := range a.first {
		data := h.said.Data
		switch h.said.Type {
		case "identity.created", "registration.completed":
			count(h.said.Type, data.Person)
		case "":
			count("web_hook", h.said.Identity.ID)
		case "reservation.confirm", "reservation.cancel":
			a.want(ended[data.Reservation] == "", "reservation %s was ended twice: %s, %s", data.Reservation, ended[data.Reservation], h.said.Type)
			ended[data.Reservation] = h.said.Type
			if h.said.Type == "reservation.cancel" {
				a.cancelled++
				a.want(a.identities[data.Person] == "", "the reservation of %s, who is there, was cancelled", data.Person)
				continue
			}
			a.confirmed++
			count(h.said.Type, data.Person)
		case "session.issued", "identity.updated":
		default:
			a.complain("an event %q was told", h.said.Type)
		}
	}
	for _, reservation := range a.asked {
		a.want(ended[reservation] != "", "reservation %s was never ended", reservation)
	}
	for _, what := range []string{"acknowledged", "identity.created", "registration.completed", "web_hook", "reservation.confirm"} {
		a.want(len(told[what]) == len(a.identities), "%s: %d, of %d identities", what, len(told[what]), len(a.identities))
		for person, n := range told[what] {
			a.want(a.identities[person] != "" && n == 1, "%s: %s, %d times", what, person, n)
		}
	}
}

// namesTold checks that a person's last event of a change tells who they are now,
// and that every change which was acknowledged was told.
func (a *audit) namesTold(v *regulars) {
	told := map[string][]string{}
	for _, r := range a.rows {
		if h := a.first[r.id]; h != nil && r.kind == "identity.updated" {
			told[h.said.Data.Person] = append(told[h.said.Data.Person], h.said.Data.Identity.Traits.Name)
		}
	}
	for person, got := range told {
		a.want(slices.IsSorted(got), "%s is told to be %v", person, got)
		a.want(strings.Contains(a.identities[person], `"`+got[len(got)-1]+`"`), "%s is %s and told to be %s", person, a.identities[person], got[len(got)-1])
	}
	for person, names := range v.names {
		for _, name := range names {
			a.want(slices.Contains(told[person], name), "%s is %s, and only told to be %v", person, name, told[person])
		}
	}
}

// sessionsTold checks that the sessions there are and those that are told of are
// the same.
func (a *audit) sessionsTold(v *regulars) {
	signIns := map[string]int{}
	for _, h := range a.first {
		if h.said.Type == "session.issued" {
			a.sessions++
			signIns[h.said.Data.Person]++
			a.want(a.owners[h.said.Data.Session] == h.said.Data.Person, "session %s of %s is told of and not there", h.said.Data.Session, h.said.Data.Person)
		}
	}
	a.want(a.sessions == len(a.owners), "%d sessions, and told of %d", len(a.owners), a.sessions)
	for person, n := range v.signIns {
		a.want(signIns[person] > n, "%s signed in %d times, besides at the registration; told of %d", person, n, signIns[person])
	}
}

// same checks that what was replayed is what was to be, once each and in order,
// in the words of the first time.
func (a *audit) same(rows []*row, calls []hooksim.Call) {
	_, taken := a.listenTo(calls)
	a.want(len(taken) == len(rows) && len(calls) == len(rows), "replay of %d rows: %d, by %d calls", len(rows), len(taken), len(calls))
	for _, r := range rows {
		again, first := taken[r.id], a.first[r.id]
		a.want(again != nil && first != nil && string(again.body) == string(first.body), "%s (%s) is not the same when it is replayed", r.id, r.kind)
	}
	a.order(rows, taken)
}
