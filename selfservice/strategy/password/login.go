package password

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/hash"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// login asks for an identifier and the password that goes with it. An unknown
// identifier and a wrong password are told alike and cost alike.
type login struct{ *Strategy }

func (m login) Form(f *selfservice.Flow) []ui.Node {
	if f.State != selfservice.StateChooseMethod || !f.Offers(ID) || f.Stage() == selfservice.StageWho {
		return nil
	}
	label := ui.LabelSignIn
	switch {
	case f.Links():
		label = ui.LabelSignInAndLink
	case f.Refreshes():
		label = ui.LabelConfirmSignIn
	}
	return []ui.Node{f.IdentifierNode(m.Identifiers), field("current-password"), submit(label)}
}

func (m login) Apply(ctx context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	problems := s.Unnamed()
	password := s.Input.Body.String(ui.NodePassword)
	if password == "" {
		problems = append(problems, required())
	}
	if len(problems) > 0 {
		return selfservice.Asked, &selfservice.Refused{Problems: problems}
	}
	i, name, err := s.WhoSignsIn(ctx)
	if err != nil {
		return selfservice.Asked, err
	}
	ok, outdated, err := m.judge(ctx, i, name, password)
	if err != nil {
		return selfservice.Asked, err
	}
	if !ok {
		return selfservice.Asked, selfservice.Refuse("", ui.ErrCredentials, nil)
	}
	if err := s.SignIn(i, name); err != nil {
		return selfservice.Asked, err
	}
	if outdated {
		return selfservice.Done, m.rehash(ctx, s, password)
	}
	return selfservice.Done, nil
}

// judge reports whether password is that of i, who signs in by name, and whether
// its hash should be made anew. Nobody's takes as long as somebody's.
func (m login) judge(ctx context.Context, i *identity.Identity, name, password string) (ok, outdated bool, err error) {
	who := i
	if i == nil {
		who = nobody(name)
	}
	stored, signsIn := who.Password(), who.SignsIn(identity.CredentialPassword, name)
	if i == nil || stored == "" || !signsIn {
		return false, false, m.Hasher.Burn(ctx, []byte(password))
	}
	return m.Hasher.Verify(ctx, []byte(password), stored)
}

// nobody stands in for the person whom a name does not lead to, so that they take
// as long to look at.
func nobody(name string) *identity.Identity {
	return &identity.Identity{Credentials: []identity.Credential{{
		Type: identity.CredentialPassword, Identifiers: []string{name}, Config: nobodysConfig,
	}}}
}

var nobodysConfig = json.RawMessage(`{"hashed_password": "` + strings.Repeat("-", 96) + `"}`)

// rehash stores the password as it would be stored today. One that cannot be is
// left as it is: it lets its owner in.
func (m login) rehash(ctx context.Context, s *selfservice.Step, password string) error {
	hashed, err := m.Hasher.Hash(ctx, []byte(password))
	if errors.Is(err, hash.ErrTooLong) {
		return nil
	}
	if err != nil {
		return err
	}
	s.Revised = m.Identities.Copy(s.Identity)
	s.Revised.SetPassword(hashed)
	return nil
}
