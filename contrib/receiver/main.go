// Command receiver is the other side of Foyer's hooks: a service that is told of
// events (/events), asked for a veto (/veto), and asked to hold something until
// a step has ended (/reserve). It knows things in memory only; where it notes
// something, a real one commits it together with what it does.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const address = "127.0.0.1:4466"

func main() {
	key, err := standardwebhooks.NewWebhook(os.Getenv("WEBHOOK_SECRET"))
	if err != nil || os.Getenv("WEBHOOK_SECRET") == "" {
		log.Fatal("WEBHOOK_SECRET has to be one of the secrets that Foyer signs with, whsec_…")
	}
	s := &http.Server{Addr: address, Handler: routes(key, os.Stdout), ReadTimeout: 10 * time.Second}
	log.Printf("listening on http://%s", address)
	log.Fatal(s.ListenAndServe())
}

type receiver struct {
	out  io.Writer
	done map[string]bool   // deliveries by id; known for longer than Foyer keeps them (events.retention)
	held map[string]string // reservations by id: "reserve", "confirm" or "cancel"
}

// body is what is read of all calls. What happened has type and data; a hook
// has the paths that it is configured with.
type body struct {
	Type string
	Data struct {
		IdentityID    string `json:"identity_id"`
		ReservationID string `json:"reservation_id"`
	}
	Identity struct{ Traits struct{ Email string } }
}

func routes(key *standardwebhooks.Webhook, out io.Writer) http.Handler {
	r := &receiver{out, map[string]bool{}, map[string]string{}}
	var one sync.Mutex
	mux := http.NewServeMux()
	for path, act := range map[string]func(http.ResponseWriter, http.Header, body){
		"POST /events": r.event, "POST /veto": r.veto, "POST /reserve": r.reserve,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, req *http.Request) {
			raw, _ := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20)) // what is cut off is not what was signed
			if err := key.Verify(raw, req.Header); err != nil {           // nor is what was changed, or is five minutes old
				http.Error(w, err.Error(), http.StatusUnauthorized)
				return
			}
			var b body
			if err := json.Unmarshal(raw, &b); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			one.Lock()
			defer one.Unlock()
			act(w, req.Header, b)
		})
	}
	return mux
}

// event acts once, however often it comes. With 2xx it does not come again.
func (r *receiver) event(w http.ResponseWriter, h http.Header, b body) {
	if id := h.Get("Webhook-Id"); !r.done[id] {
		fmt.Fprintln(r.out, b.Type, b.Data.IdentityID)
		r.done[id] = true
	}
	w.WriteHeader(http.StatusNoContent)
}

// veto says no to addresses that are nobody's own.
func (r *receiver) veto(w http.ResponseWriter, _ http.Header, b body) {
	if strings.HasPrefix(b.Identity.Traits.Email, "postmaster@") {
		refuse(w, "#/traits/email", 4900001, "Please use an address of your own.")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// reserve holds something for somebody who is about to be stored, and is told
// how that has ended: perhaps twice, perhaps before a call that was held up.
func (r *receiver) reserve(w http.ResponseWriter, h http.Header, b body) {
	id, phase := b.Data.ReservationID, strings.TrimPrefix(b.Type, "reservation.")
	if phase == "" {
		id, phase = h.Get("Foyer-Reservation-Id"), "reserve"
	}
	switch was := r.held[id]; {
	case phase == "reserve" && strings.HasSuffix(b.Identity.Traits.Email, "@blocked.example"):
		refuse(w, "#/traits/email", 4900002, "There is no place for this domain.")
		return
	case phase == "reserve" && was != "" && was != phase:
		w.WriteHeader(http.StatusConflict) // it has ended already
		return
	case was != phase:
		fmt.Fprintln(r.out, "reservation", phase, id)
		r.held[id] = phase
	}
	w.WriteHeader(http.StatusNoContent)
}

// refuse says no in words for the person, beside the field they belong to.
func refuse(w http.ResponseWriter, field string, id int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	fmt.Fprintf(w, `{"messages":[{"instance_ptr":%q,"messages":[{"id":%d,"text":%q,"type":"error"}]}]}`, field, id, text)
}
