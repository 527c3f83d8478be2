package identity

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/foyer-id/foyer/schema"
)

// Copy returns a copy of somebody who was read, to be changed and given to
// Manager.Update.
func (m *Manager) Copy(i *Identity) *Identity {
	next := i.Clone()
	next.Rev++
	next.UpdatedAt = m.Now().UTC()
	if s := m.Schemas.Get(i.SchemaID); s != nil && i.identifiers == nil {
		next.passwords = m.derived(s, i.DecodedTraits()).passwords
	}
	return next
}

// derived is somebody whom traits make, whatever is wrong with them.
func (m *Manager) derived(s *schema.Schema, traits map[string]any) *Identity {
	i := &Identity{identifiers: []string{}}
	for _, f := range s.Fields {
		for _, typed := range s.Read(traits, f) {
			if typed != "" {
				_ = i.derive(f, typed) // what cannot be used is left out
			}
		}
	}
	return i
}

// Revise returns a copy of i, read with credentials, with other traits. What
// they sign in with and where they are reached follows; an address that is new
// starts unproved. A trait that is shown only keeps its value. With
// violations the copy is nil. Moved tells whether an identifier or address came
// or went; then what was sent to any of them before no longer counts.
func (m *Manager) Revise(i *Identity, s *schema.Schema, traits map[string]any) (next *Identity, moved bool, violations []schema.Violation) {
	next = m.Copy(i)
	moved, violations = m.Amend(next, s, s.Keep(traits, i.DecodedTraits()))
	if len(violations) > 0 {
		return nil, false, violations
	}
	return next, moved, nil
}

// Amend gives other traits, all of them, to somebody who is not stored yet: who
// was drafted, or a copy read with credentials. What follows from them follows
// as Revise has it, which keeps besides what is shown only. Numbers are
// json.Number; neither SchemaID nor MaxTraits is looked after. With violations i
// is as it was. What was sent to a copy's addresses, with its epoch of before, does
// not count where something moved; nothing counts yet of who was drafted.
func (m *Manager) Amend(i *Identity, s *schema.Schema, traits map[string]any) (moved bool, violations []schema.Violation) {
	drafted, violations := m.Draft(s, traits)
	if len(violations) > 0 {
		return false, violations
	}
	verifiable, came := i.merge(i.Verifiable, drafted.Verifiable)
	recovery, cameToo := i.merge(i.Recovery, drafted.Recovery)
	i.Traits, i.Verifiable, i.Recovery = drafted.Traits, verifiable, recovery
	i.identifiers, i.passwords, i.codes = drafted.identifiers, drafted.passwords, drafted.codes
	moved = came || cameToo
	if c := i.credential(CredentialPassword); c.Version >= 0 && !slices.Equal(c.Identifiers, i.passwords) {
		i.setCredential(c, i.passwords, c.Config)
		moved = true
	}
	moved = i.setCodes() || moved
	if moved && i.Rev > 0 {
		i.Epoch++
	}
	return moved, nil
}

// Holds reports whether i has a verifiable address, or traits that would make it
// one: those of somebody who was expelled stay.
func (m *Manager) Holds(i *Identity, via, canonical string) bool {
	if find(i.Verifiable, via, canonical) != nil {
		return true
	}
	s := m.Schemas.Get(i.SchemaID)
	return s != nil && find(m.derived(s, i.DecodedTraits()).Verifiable, via, canonical) != nil
}

// DecodedTraits returns the traits, numbers as json.Number; nil if they cannot be
// read.
func (i *Identity) DecodedTraits() (traits map[string]any) {
	d := json.NewDecoder(bytes.NewReader(i.Traits))
	d.UseNumber()
	_ = d.Decode(&traits)
	return traits
}

// merge returns the wanted addresses, those there were before as they were but
// for their spelling, and whether any came or went. One that i has proved keeps
// the spelling messages went to: another one may lead to another mailbox.
func (i *Identity) merge(before, wanted []Address) (list []Address, moved bool) {
	moved = len(before) != len(wanted)
	for _, w := range wanted {
		old := find(before, w.Via, w.Canonical)
		if old == nil {
			list, moved = append(list, w), true
			continue
		}
		kept := *old
		if own := find(i.Verifiable, w.Via, w.Canonical); kept.Value != w.Value && (own == nil || !own.Verified) {
			kept.Value, kept.UpdatedAt = w.Value, w.UpdatedAt
		}
		list = append(list, kept)
	}
	return list, moved
}

// setCodes lets i sign in by codes sent to what its schema says. It reports
// whether that is new.
func (i *Identity) setCodes() bool {
	c := i.credential(CredentialCode)
	switch {
	case len(i.codes) == 0 && c.Version < 0, slices.Equal(c.Identifiers, i.codes):
		return false
	case len(i.codes) == 0:
		i.Credentials = slices.DeleteFunc(i.Credentials, func(c Credential) bool { return c.Type == CredentialCode })
		return true
	}
	type address struct {
		Channel string `json:"channel"`
		Address string `json:"address"`
	}
	config := struct {
		Addresses []address `json:"addresses"`
	}{}
	for _, name := range i.codes {
		config.Addresses = append(config.Addresses, address{Channel: Channel(name), Address: name})
	}
	i.setCredential(c, i.codes, config)
	return true
}

// Prove notes on i, a copy, that its owner has proved an address, whoever
// registered it: what was sent before no longer counts. It reports whether that
// is the first proof; an address of which no proof is kept was never proved or
// always.
func (i *Identity) Prove(via, canonical string) (first bool) {
	i.Epoch++
	a := find(i.Verifiable, via, canonical)
	if a == nil {
		return false
	}
	first = !a.Verified
	a.Verified, a.Status, a.UpdatedAt = true, AddressCompleted, i.UpdatedAt
	if first {
		a.VerifiedAt = i.UpdatedAt
	}
	return first
}

// Expel takes from i, a copy read with credentials, whatever may lead somebody
// else to it than the owner of one address, who has proved it: other addresses,
// the password, providers. The traits stay, and so do names to sign in with that
// are no addresses. It returns the addresses that lead here no more.
func (i *Identity) Expel(via, canonical string) (unlinked []string) {
	var gone []string
	others := func(a Address) bool { return a.Via != via || a.Canonical != canonical }
	for _, list := range []*[]Address{&i.Verifiable, &i.Recovery} {
		for _, a := range *list {
			if others(a) {
				unlinked, gone = appendNew(unlinked, a.Value), appendNew(gone, a.Canonical)
			}
		}
		*list = slices.DeleteFunc(*list, others)
	}
	isGone := func(name string) bool { return slices.Contains(gone, name) }
	i.identifiers, i.passwords, i.codes = []string{}, slices.DeleteFunc(i.passwords, isGone), slices.DeleteFunc(i.codes, isGone)
	kept := i.Credentials[:0]
	for _, c := range i.Credentials {
		c.Identifiers = slices.DeleteFunc(c.Identifiers, isGone)
		if c.Type.Space() != SpaceLogin || len(c.Identifiers) == 0 {
			continue
		}
		if c.Type == CredentialPassword {
			c.Config = encode(passwordConfig{})
		}
		c.Version++
		c.UpdatedAt = i.UpdatedAt
		for _, name := range c.Identifiers {
			i.identifiers = appendNew(i.identifiers, name)
		}
		kept = append(kept, c)
	}
	i.Credentials = kept
	return unlinked
}

// Usable reports whether a message to a, an address of i, may open the account.
// One that nobody proved may not where another one was: whoever put it there may
// have mistyped it, or be somebody else.
func (i *Identity) Usable(a *Address) bool {
	own := i.Address(ForVerification, a.Via, a.Canonical)
	if own != nil && own.Verified {
		return true
	}
	return !slices.ContainsFunc(i.Verifiable, func(b Address) bool { return b.Verified })
}

// Addresses lists what traits name that messages could reach: where the person
// would be reached, and what they would sign in with.
func (m *Manager) Addresses(s *schema.Schema, traits map[string]any) []Address {
	i := m.derived(s, traits)
	var list []Address
	for _, a := range append(i.Verifiable, i.Recovery...) {
		list = appendAddress(list, a)
	}
	for _, name := range i.identifiers {
		if via := Channel(name); via == ViaSMS || schema.IsEmail(name) {
			list = appendAddress(list, Address{Via: via, Value: name, Canonical: name})
		}
	}
	return list
}
