package link_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/strategy/link"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Where phones can be written to, the field takes either.
func TestAddressField(t *testing.T) {
	for sms, want := range map[bool]ui.Input{
		false: {Name: "email", Type: "email", Required: true, Autocomplete: "email"},
		true:  {Name: "email", Type: "text", Required: true},
	} {
		strategy := &link.Strategy{SMS: sms}
		nodes := strategy.Methods()[selfservice.Verification].Form(&selfservice.Flow{State: selfservice.StateChooseMethod})
		require.Len(t, nodes, 2)
		require.Equal(t, want.Type, nodes[0].Input().Type)
		require.Equal(t, want.Autocomplete, nodes[0].Input().Autocomplete)
		require.Equal(t, want.Name, nodes[0].Name())
		require.True(t, nodes[0].Input().Required)
		require.Equal(t, map[bool]int{false: ui.LabelEmail, true: ui.LabelEmailOrPhone}[sms], nodes[0].Meta.Label.ID)
		require.Equal(t, "link", nodes[1].Group)
	}
}
