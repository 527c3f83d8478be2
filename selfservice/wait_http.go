package selfservice

import (
	"net/http"
	"strconv"
	"time"

	"github.com/foyer-id/foyer/internal/fail"
)

const (
	// waitFor is how long a client may wait for a flow to move on: shorter
	// than requests under way have when the program is told to stop.
	waitFor   = 10 * time.Second
	waitPause = 500 * time.Millisecond
	// maxWaiting bounds the clients that wait at once.
	maxWaiting = 1024
)

// wait holds the answer back while the flow is still at the revision that the
// client names in after, so that a page moves on by itself once the address was
// proved on another device. After ten seconds it is answered as it is.
func (h *HTTP) wait(r *http.Request, k Kind, f *Flow) (*Flow, error) {
	after := r.URL.Query().Get("after")
	if after == "" || after != strconv.Itoa(f.Rev) || f.Completed() {
		return f, nil
	}
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > maxWaiting {
		busy := fail.New(fail.TooMany, "too_many_waiting", "Too many clients wait for a flow at once. Ask again in a moment.")
		busy.RetryAfter = waitFor
		return nil, busy
	}
	deadline := time.NewTimer(waitFor)
	defer deadline.Stop()
	for after == strconv.Itoa(f.Rev) {
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-deadline.C:
			return f, nil
		case <-h.Stopping:
			return f, nil
		case <-time.After(waitPause):
		}
		var err error
		if f, err = h.visible(r, k, "id"); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// waitURL is where a client waits for f to move on, empty where nothing but
// itself moves it.
func (h *HTTP) waitURL(f *Flow) string {
	if kinds[f.Kind].proves == nil || f.State != StateSentEmail || f.notes.Challenge == nil {
		return ""
	}
	return h.flowURL(f) + "&after=" + strconv.Itoa(f.Rev)
}
