package password

import (
	"context"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// settings chooses a new password. Whoever else is signed in is out, and so is
// whatever was sent before.
type settings struct{ *Strategy }

func (m settings) Form(*selfservice.Flow) []ui.Node {
	return []ui.Node{field("new-password"), submit(ui.LabelSave)}
}

func (m settings) Apply(ctx context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	password := s.Input.Body.String(ui.NodePassword)
	if password == "" {
		return selfservice.Asked, &selfservice.Refused{Problems: []ui.Problem{required()}}
	}
	if err := s.Privileged(); err != nil {
		return selfservice.Asked, err
	}
	i := s.Identity
	if problems := m.Policy.Judge(password, identity.TypedIdentifiers(s.Schema, i.DecodedTraits())); len(problems) > 0 {
		return selfservice.Asked, &selfservice.Refused{Problems: problems}
	}
	if stored := i.Password(); stored != "" {
		same, _, err := m.Hasher.Verify(ctx, []byte(password), stored)
		if err != nil {
			return selfservice.Asked, err
		}
		if same {
			return selfservice.Asked, selfservice.Refuse(ui.NodePassword, ui.ErrPasswordSame, nil)
		}
	}
	hashed, err := m.hash(ctx, password)
	if err != nil {
		return selfservice.Asked, err
	}
	s.Revised = m.Identities.Copy(i)
	if !s.Revised.SetPassword(hashed) {
		return selfservice.Asked, selfservice.Refuse("", ui.ErrNoIdentifier, nil)
	}
	s.Revised.Epoch++
	s.EndOthers = true
	return selfservice.Done, nil
}
