package main

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// doors remembers which kinds of flow the API opens, so that no page shows a
// link that leads nowhere. The zero value knows nothing.
type doors struct {
	mu    sync.Mutex
	known map[string]door
}

type door struct {
	open  bool
	until time.Time
}

const (
	doorsLast = time.Minute
	noFlow    = "00000000-0000-4000-8000-000000000000" // an id that belongs to nothing
)

// open reports whether the API opens flows of a kind. It asks for a flow that
// cannot be there, in nobody's name: the API says first if the whole kind is
// switched off. Where it does not say, the door is shown.
func (d *doors) open(ctx context.Context, api *client, kind string) bool {
	d.mu.Lock()
	known, ok := d.known[kind]
	d.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.open
	}
	_, fail := api.fetch(ctx, http.Header{}, "/self-service/"+kind+"/flows", url.Values{"id": {noFlow}}, new(flow))
	known = door{open: fail == nil || fail.ID != "self_service_flow_disabled", until: time.Now().Add(doorsLast)}
	if fail != nil && fail.Cause != nil {
		return known.open // the API did not answer: ask again next time
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[string]door{}
	}
	d.known[kind] = known
	return known.open
}
