package crash

import (
	"encoding/json"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/hooksim"
)

// signingSecret is what all that the listener hears is signed with.
const signingSecret = "whsec_c2VjcmV0cyBvZiB0aGUgdGVzdHMsIGFuZCB0aGVpcnMgYWxvbmU="

// listener is who is told of people: of all events at /audit, by a stored
// web_hook at /welcome, and in two phases at /booking.
type listener struct {
	*hooksim.Receiver

	mu      sync.Mutex
	away    string         // how it fails while it is away; empty while it is there
	refused map[string]int // first events that were answered with an error, by person
	refuse  func(person string, before int) bool
	busy    int // calls since somebody last asked for them
}

// telling is what all bodies have that the listener reads.
type telling struct {
	Type string `json:"type"`
	Data struct {
		Person      string `json:"identity_id"`
		Session     string `json:"session"`
		Reservation string `json:"reservation_id"`
		Identity    struct {
			Traits struct {
				Name string `json:"name"`
			} `json:"traits"`
		} `json:"identity"`
	} `json:"data"`
	Identity struct {
		ID string `json:"id"`
	} `json:"identity"` // of the stored web_hook
}

func read(c hooksim.Call) (said telling) {
	_ = json.Unmarshal(c.Body, &said)
	return said
}

// listen starts a listener. It refuses the first event about a person while
// refuse says so; nil refuses none.
func listen(t *testing.T, refuse func(person string, before int) bool) *listener {
	t.Helper()
	r, err := hooksim.Start()
	require.NoError(t, err)
	t.Cleanup(r.Close)
	require.NoError(t, r.Verify(signingSecret))
	l := &listener{Receiver: r, refused: map[string]int{}, refuse: refuse}
	r.SetFunc(l.answer)
	return l
}

func (l *listener) answer(c hooksim.Call) string {
	said := read(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	if said.Type == "reservation.reserve" {
		return "ok" // people wait for it
	}
	l.busy++
	if l.away != "" {
		return l.away
	}
	if who := said.Data.Person; said.Type == "identity.created" && l.refuse != nil && l.refuse(who, l.refused[who]) {
		l.refused[who]++
		return "error_500"
	}
	return "ok"
}

// arrived counts the deliveries since it was last asked.
func (l *listener) arrived() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, l.busy = l.busy, 0
	return n
}

// leave makes every delivery fail for a while, in one of the ways of those who
// are not there.
func (l *listener) leave(d time.Duration) {
	how := []string{"error_503", "close_before_answer", "hang_before_headers"}
	l.turn(how[rand.IntN(len(how))])
	time.AfterFunc(d, func() { l.turn("") })
}

func (l *listener) turn(away string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
}

// config makes the program tell the listener.
func (l *listener) config() map[string]any {
	hook := func(id string, more map[string]any) map[string]any {
		more["id"], more["url"], more["method"] = id, l.URL("")+"/"+id, "POST"
		return map[string]any{"hook": "web_hook", "config": more}
	}
	return map[string]any{
		"secrets.web_hook": []string{signingSecret},
		"events.endpoints": []map[string]any{{"id": "audit", "url": l.URL("") + "/audit", "types": []string{"*"}}},
		"events.lease":     eventLease.String(), "events.timeout": (eventLease / 2).String(), "events.worker.pull_wait": "50ms",
		"selfservice.flows.registration.after.password.hooks": []map[string]any{
			hook("welcome", map[string]any{"body": []string{"flow.id", "identity.id", "identity.traits.email"}}),
			hook("booking", map[string]any{"reserve": true}),
			{"hook": "session"},
		},
	}
}
