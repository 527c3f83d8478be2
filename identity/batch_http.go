package identity

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

const (
	maxBatch          = 1000
	maxBatchPasswords = 200 // to be hashed
	atOnce            = 16  // are created; on SQLite they share commits
	hashedAtOnce      = 2   // so that who signs in meanwhile need not wait for all
)

// entry is one identity of a batch, and what becomes of it.
type entry struct {
	patchID  uuid.UUID // Nil for none
	nothing  bool      // it asks for nothing
	identity *Identity
	password string // to be hashed
	err      error
}

// batch creates many. What is wrong with one is told of that one.
func (h *HTTP) batch(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	if err := web.OnlyQuery(r.URL.Query()); err != nil {
		return err
	}
	raw, err := web.DecodeEntries(w, r, web.MaxAdminBody, "identities", maxBatch)
	if err != nil {
		return err
	}
	entries, passwords := make([]entry, len(raw)), 0
	for n := range raw {
		entries[n] = h.read(raw[n], n)
		raw[n] = nil
		if entries[n].password != "" {
			passwords++
		}
	}
	if passwords > maxBatchPasswords {
		return fail.New(fail.BadRequest, "batch_passwords_too_many", "A batch takes 200 plain passwords at most, as each has to be hashed; bring hashes, or send several batches.")
	}
	h.storeAll(r, entries)
	results := make([]any, len(entries))
	for n, e := range entries {
		results[n] = e.result(r)
	}
	web.JSON(w, http.StatusOK, map[string]any{"identities": results})
	return nil
}

// read makes the identity that one entry, the n-th, asks for.
func (h *HTTP) read(raw json.RawMessage, n int) (e entry) {
	if string(raw) == "null" {
		e.nothing = true
		return e
	}
	body, err := web.ParseJSON(raw)
	if err != nil {
		e.err = err
		return e
	}
	o := web.TakeApart(body.Fields, "identities", fmt.Sprint(n))
	o.Only("create", "patch_id")
	if id := o.Text("patch_id"); id != "" {
		if e.patchID, err = uuid.FromString(id); err != nil {
			o.Refuse("patch_id", fail.New(fail.BadRequest, "patch_id_invalid", "patch_id has to be a UUID."))
		}
	}
	create := o.Object("create")
	if e.nothing = create.Fields == nil && o.Err() == nil; e.nothing {
		return e
	}
	in, err := readCreate(create)
	if err == nil {
		e.password = in.proofs.password
		e.identity, err = h.draft(in)
	}
	e.err = err
	return e
}

// storeAll creates the drafted. Of those that want the same name the first gets it:
// the others come after all the rest, in their order.
func (h *HTTP) storeAll(r *http.Request, entries []entry) {
	var later []*entry
	wanted := map[string]bool{}
	var running sync.WaitGroup
	slots, hashing := make(chan struct{}, atOnce), make(chan struct{}, hashedAtOnce)
	store := func(e *entry) {
		if e.password != "" {
			hashing <- struct{}{}
			defer func() { <-hashing }()
		}
		e.err = h.store(r.Context(), e.identity, e.password)
	}
	for n := range entries {
		e := &entries[n]
		if e.nothing || e.err != nil {
			continue
		}
		if e.identity.wants(wanted) {
			later = append(later, e)
			continue
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					e.err = fmt.Errorf("identity: a create of a batch panicked: %v", v)
				}
				<-slots
			}()
			store(e)
		})
	}
	running.Wait()
	for _, e := range later {
		store(e)
	}
}

// wants notes all that is unique about i, and reports whether any of it was wanted
// before.
func (i *Identity) wants(wanted map[string]bool) (again bool) {
	want := func(parts ...string) {
		name := fmt.Sprintf("%q", parts)
		again = again || wanted[name]
		wanted[name] = true
	}
	if i.ExternalID != "" {
		want("external", i.ExternalID)
	}
	for _, name := range i.identifiers {
		want(SpaceLogin, name)
	}
	for _, l := range i.Links() {
		want(string(CredentialOIDC), l.name())
	}
	for _, a := range i.Verifiable {
		want(string(ForVerification), a.Via, a.Canonical)
	}
	for _, a := range i.Recovery {
		want(string(ForRecovery), a.Via, a.Canonical)
	}
	return again
}

// outcome is what became of one entry, on the wire.
type outcome struct {
	Action   string         `json:"action"`
	Identity *uuid.UUID     `json:"identity,omitempty"`
	PatchID  *uuid.UUID     `json:"patch_id,omitempty"`
	Error    map[string]any `json:"error,omitempty"`
}

func (e entry) result(r *http.Request) any {
	if e.nothing {
		return nil
	}
	out := outcome{Action: "create"}
	if e.patchID != uuid.Nil {
		out.PatchID = &e.patchID
	}
	if e.err == nil {
		out.Identity = &e.identity.ID
		return out
	}
	out.Action = "error"
	var status int
	status, out.Error, _ = web.Envelope(e.err, web.RequestID(r.Context()))
	web.LogError(r.Context(), status, out.Error, e.err)
	return out
}
