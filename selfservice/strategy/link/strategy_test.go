package link_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/strategy/link"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// A link takes e-mail addresses only.
func TestAddressField(t *testing.T) {
	nodes := (&link.Strategy{Verifies: true}).Methods()[selfservice.Verification].Form(&selfservice.Flow{State: selfservice.StateChooseMethod})
	require.Len(t, nodes, 2)
	require.Equal(t, ui.Input{Name: "email", Type: "email", Required: true, Autocomplete: "email", NodeType: "input"}, *nodes[0].Input())
	require.Equal(t, ui.LabelEmail, nodes[0].Meta.Label.ID)
	require.Equal(t, "link", nodes[1].Group)
}
