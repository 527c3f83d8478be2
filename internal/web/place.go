package web

import (
	"encoding/json"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
)

// pageTokenLife is how long a sealed page token is good for.
const pageTokenLife = time.Hour

// Place is where a page of a list ends that runs from the newest to the oldest.
// The zero Place is its beginning.
type Place struct {
	Created time.Time `json:"created"`
	ID      uuid.UUID `json:"id"`
}

// sealedPlace is what a page token holds.
type sealedPlace struct {
	Place
	Expires time.Time `json:"expires"`
}

// PageToken leads to what follows p. List names the list with its filters: for
// no other does the token open.
func PageToken(ring *seal.Ring, list string, p Place, now time.Time) (string, error) {
	plain, err := json.Marshal(sealedPlace{p, now.Add(pageTokenLife)})
	return ring.SealString("page/"+list, plain), err
}

// ReadPageToken reverses PageToken. An empty token is the list's beginning; one
// that is forged, another list's or more than an hour old is a *fail.Error.
func ReadPageToken(ring *seal.Ring, list, token string, now time.Time) (Place, error) {
	if token == "" {
		return Place{}, nil
	}
	var at sealedPlace
	plain, err := ring.OpenString("page/"+list, token)
	if err != nil || json.Unmarshal(plain, &at) != nil {
		return Place{}, fail.New(fail.BadRequest, "page_token_invalid", "page_token is none that this list has given out.")
	}
	if !now.Before(at.Expires) {
		return Place{}, fail.New(fail.BadRequest, "page_token_expired", "page_token is more than an hour old; begin with the first page.")
	}
	return at.Place, nil
}
