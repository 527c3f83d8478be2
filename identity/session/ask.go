package session

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
)

const (
	defaultPageSize = 250
	maxPageSize     = 1000
)

// readPage reads which page of everybody's sessions is asked for.
func readPage(v url.Values, ring *seal.Ring, now time.Time) (q Query, err error) {
	q.Now = now
	if q.Active, err = readActive(v); err != nil {
		return q, err
	}
	if q.Limit, err = web.PageSize(v, defaultPageSize, maxPageSize); err != nil {
		return q, err
	}
	at, err := web.ReadPageToken(ring, listName(q), v.Get("page_token"), now)
	q.BeforeIssued, q.BeforeID = at.Created, at.ID
	return q, err
}

// listName tells this list with its filter from every other.
func listName(q Query) string {
	name := "sessions"
	if q.Active != nil {
		name += "?active=" + strconv.FormatBool(*q.Active)
	}
	return name
}

// readActive reads the filter; nil is none.
func readActive(v url.Values) (*bool, error) {
	given := v.Get("active")
	if given == "" {
		return nil, nil
	}
	active, err := strconv.ParseBool(given)
	if err != nil {
		return nil, fail.New(fail.BadRequest, "active_invalid", "active has to be true or false.")
	}
	return &active, nil
}

// Expansion is what an administrator is shown of a session besides itself.
type Expansion struct{ Identity, Devices bool }

var everything = Expansion{Identity: true, Devices: true}

// readExpansion reads expand, which may be given several times, or with commas.
func readExpansion(v url.Values) (e Expansion, err error) {
	for _, given := range v["expand"] {
		for name := range strings.SplitSeq(given, ",") {
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "":
			case "identity":
				e.Identity = true
			case "devices":
				e.Devices = true
			default:
				return e, fail.New(fail.BadRequest, "expand_invalid", "expand has to be identity, devices, or both.")
			}
		}
	}
	return e, nil
}

// order is what an administrator wants done to many sessions.
type order struct {
	Action     string   `json:"action"`
	Identities []string `json:"identities"`
	Sessions   []string `json:"sessions"`
}

// maxOrder bounds the ids of an order, and everybody stands for all of them.
const (
	maxOrder  = 500
	everybody = "*"
)

func (o order) selection() (sel Selection, err error) {
	switch o.Action {
	case "disable":
	case "delete":
		sel.Delete = true
	default:
		return sel, fail.New(fail.BadRequest, "session_action_invalid", "action has to be disable or delete.")
	}
	list, into := o.Sessions, &sel.Sessions
	if len(o.Identities) > 0 {
		list, into = o.Identities, &sel.Identities
	}
	switch {
	case len(o.Identities) > 0 && len(o.Sessions) > 0, len(list) == 0:
		return sel, badSelection("Exactly one of identities and sessions has to be given.")
	case len(list) == 1 && list[0] == everybody:
		sel.Everybody = true
		return sel, nil
	case len(list) > maxOrder:
		return sel, badSelection("At most 500 ids are taken at a time.")
	}
	for _, one := range list {
		id, err := uuid.FromString(one)
		if err != nil {
			return sel, badSelection(strconv.Quote(web.Clip(one)) + " is no UUID; a lone * stands for everybody's.")
		}
		*into = append(*into, id)
	}
	return sel, nil
}

func badSelection(reason string) error {
	return fail.New(fail.BadRequest, "session_selection_invalid", reason)
}
