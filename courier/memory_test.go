package courier_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/seal"
)

// memory is a store for tests of what is above it.
type memory struct {
	mu       sync.Mutex
	rows     map[uuid.UUID]courier.Message
	order    []uuid.UUID // of their coming
	attempts map[uuid.UUID][]courier.Attempt
	failing  func(op string) error // nil, or asked before each claim and save
}

func (s *memory) fails(op string) error {
	if s.failing == nil {
		return nil
	}
	return s.failing(op)
}

func (s *memory) InsertMessage(_ context.Context, m *courier.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[m.ID] = *m
	s.order = append(s.order, m.ID)
	return nil
}

// blocked reports whether m has to wait for another of its lane.
func (s *memory) blocked(m courier.Message, now time.Time) bool {
	older := true
	for _, id := range s.order {
		o := s.rows[id]
		if id == m.ID {
			older = false
			continue
		}
		if o.Queue == m.Queue && o.Lane == m.Lane && !o.DueAt.IsZero() && (older || o.Status == courier.Processing && o.DueAt.After(now)) {
			return m.Lane != ""
		}
	}
	return false
}

func (s *memory) ClaimMessages(ctx context.Context, queue string, now, until time.Time, n int, except ...string) (claimed []*courier.Message, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := cmp.Or(s.fails("claim"), ctx.Err()); err != nil {
		return nil, err
	}
	var due []courier.Message
	for _, m := range s.rows {
		if m.Queue == queue && !m.DueAt.IsZero() && !m.DueAt.After(now) && !s.blocked(m, now) && !slices.Contains(except, m.Recipient) {
			due = append(due, m)
		}
	}
	slices.SortFunc(due, func(a, b courier.Message) int {
		if c := a.DueAt.Compare(b.DueAt); c != 0 {
			return c
		}
		return a.CreatedAt.Compare(b.CreatedAt)
	})
	for _, m := range due[:min(n, len(due))] {
		m.Status, m.DueAt = courier.Processing, until
		m.SendCount++
		m.Rev++
		s.rows[m.ID] = m
		claimed = append(claimed, &m)
	}
	return claimed, nil
}

func (s *memory) SaveMessage(_ context.Context, m *courier.Message, a *courier.Attempt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fails("save"); err != nil {
		return err
	}
	if s.rows[m.ID].Rev != m.Rev-1 {
		return courier.ErrMoved
	}
	s.rows[m.ID] = *m
	if a != nil {
		s.attempts[m.ID] = append([]courier.Attempt{*a}, s.attempts[m.ID]...)
	}
	return nil
}

func (s *memory) RemoveMessage(_ context.Context, m *courier.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is, ok := s.rows[m.ID]; !ok || is.Rev != m.Rev || is.Status != courier.Queued {
		return courier.ErrMoved
	}
	delete(s.rows, m.ID)
	return nil
}

func (s *memory) Requeue(_ context.Context, q courier.RequeueQuery, now time.Time) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, m := range s.rows {
		if m.Queue == q.Queue && m.Template == q.Template && m.Sealed != nil && m.DueAt.IsZero() {
			m.Status, m.DueAt, m.SendCount, m.ExpiresAt = courier.Queued, now, 0, time.Time{}
			m.Rev++
			s.rows[id] = m
			n++
		}
	}
	return n, nil
}

func (s *memory) Message(_ context.Context, id uuid.UUID) (*courier.Message, []courier.Attempt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.rows[id]
	if !ok {
		return nil, nil, courier.ErrNoMessage
	}
	return &m, slices.Clone(s.attempts[id]), nil
}

func (s *memory) Messages(_ context.Context, q courier.Query) (page []*courier.Message, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := func(a, b courier.Message) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(b.ID.String(), a.ID.String())
	}
	var all []courier.Message
	for _, m := range s.rows {
		after := q.BeforeID == uuid.Nil || newest(courier.Message{CreatedAt: q.BeforeCreated, ID: q.BeforeID}, m) < 0
		if m.Queue == q.Queue && m.Channel != courier.Nowhere && after && (q.Status == "" || q.Status == m.Status) && (q.Recipient == "" || q.Recipient == m.Recipient) {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, newest)
	for _, m := range all[:min(q.Limit, len(all))] {
		page = append(page, &m)
	}
	return page, nil
}

func (s *memory) QueueStats(context.Context, string) (courier.QueueStats, error) {
	return courier.QueueStats{}, errors.New("not part of this store")
}

// states counts the rows by status.
func (s *memory) states() map[courier.Status]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := map[courier.Status]int{}
	for _, m := range s.rows {
		n[m.Status]++
	}
	return n
}

// only is the one message there is, and its attempts.
func (s *memory) only(t *testing.T) (courier.Message, []courier.Attempt) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Len(t, s.rows, 1)
	for id, m := range s.rows {
		return m, slices.Clone(s.attempts[id])
	}
	panic("unreachable")
}

func ring(t *testing.T, secret string) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing("private", secret)
	require.NoError(t, err)
	return r
}

const retention = 48 * time.Hour

func newCourier(t *testing.T, now func() time.Time) (*courier.Courier, *memory) {
	t.Helper()
	s := &memory{rows: map[uuid.UUID]courier.Message{}, attempts: map[uuid.UUID][]courier.Attempt{}}
	return &courier.Courier{Store: s, Ring: ring(t, "a secret for the courier"), Now: now, Retention: retention}, s
}

const (
	code = "734512"
	link = "https://auth.example.org/self-service/verification?flow=3f&token=aVeryLongToken%2B1"
)

func enqueue(t *testing.T, c *courier.Courier, recipients ...string) {
	t.Helper()
	for _, to := range recipients {
		put(t, c, courier.Draft{
			Channel: courier.Email, Template: "verification_code_valid", Locale: "en", Recipient: to,
			Data: courier.Data{"to": to, "verification_code": code, "verification_url": link, "request_url": "https://auth.example.org/"},
		})
	}
}

func put(t *testing.T, c *courier.Courier, d courier.Draft) *courier.Message {
	t.Helper()
	m, err := c.Enqueue(context.Background(), d)
	require.NoError(t, err)
	return m
}

// sendFunc is a channel.
type sendFunc func(ctx context.Context, m *courier.Message, d courier.Data) error

func (f sendFunc) Deliver(ctx context.Context, m *courier.Message, d courier.Data) error {
	return f(ctx, m, d)
}

func emailBy(f sendFunc) map[string]courier.Channel {
	return map[string]courier.Channel{courier.Email: f}
}

// letters is a renderer.
type letters struct{}

func (letters) Render(m *courier.Message, d courier.Data) (*courier.Letter, error) {
	if m.Template == "broken" {
		return nil, errors.New("the template is broken")
	}
	text := fmt.Sprint("Your code: ", d["verification_code"], " at ", d["verification_url"])
	l := &courier.Letter{MessageID: m.ID, Channel: m.Channel, Template: m.Template, Recipient: m.Recipient, Text: text, Data: d}
	if m.Channel == courier.Email {
		l.Subject, l.HTML = "Verify <you>", "<!doctype html><html><head><title>x</title></head><body><p>"+text+"</p></body></html>"
	}
	return l, nil
}
