package ui_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// messages are the ids in use, each with the context the protocol gives it.
// Clients translate by id and fill in from the context: both are API.
var messages = map[int][]string{
	ui.LabelConfirmSignIn: nil,
	ui.InfoRefresh:        nil,
	ui.InfoSecondFactor:   nil,
	ui.InfoLoginCodeSent:  nil,
	ui.LabelSendLoginCode: nil,
	ui.LabelSignIn:        nil,
	ui.LabelSignInWith:    {"provider", "provider_id"},
	ui.InfoLink: {
		"provider", "duplicateIdentifier", "duplicate_identifier", "newLoginUrl", "new_login_url", "available_credential_types", "available_providers",
	},
	ui.LabelSignInAndLink:       nil,
	ui.LabelConfirmWith:         {"provider", "provider_id"},
	ui.LabelSignUpWith:          {"provider", "provider_id"},
	ui.LabelSignUpContinue:      nil,
	ui.LabelLink:                {"provider", "provider_id"},
	ui.LabelUnlink:              {"provider", "provider_id"},
	ui.InfoOnlyWayIn:            {"provider"},
	ui.ErrLinkedElsewhere:       nil,
	ui.ErrLinkMismatch:          nil,
	ui.ErrAwayTooLong:           nil,
	ui.ErrUntrusted:             {"provider"},
	ui.ErrLastWayIn:             nil,
	ui.ErrNoAccountHere:         {"provider"},
	ui.LabelSignUp:              nil,
	ui.LabelSendSignUpCode:      nil,
	ui.LabelBack:                nil,
	ui.InfoChooseCredential:     nil,
	ui.SuccessSaved:             nil,
	ui.SuccessRecovered:         {"privilegedSessionExpiresAt", "privileged_session_expires_at", "privileged_session_expires_at_unix"},
	ui.InfoRecoveryLinkSent:     nil,
	ui.InfoRecoveryCodeSent:     nil,
	ui.InfoUnlinked:             {"addresses"},
	ui.LabelConfirmRecovery:     {"address"},
	ui.LabelConfirmRecoveryAny:  nil,
	ui.LabelPassword:            nil,
	ui.LabelTrait:               {"title", "name"},
	ui.LabelSave:                nil,
	ui.LabelIdentifier:          nil,
	ui.LabelRecoveryCode:        nil,
	ui.LabelLoginCode:           nil,
	ui.ErrGeneric:               {"reason"},
	ui.ErrRequired:              {"property"},
	ui.ErrMinLength:             {"min_length", "actual_length"},
	ui.ErrPattern:               {"pattern"},
	ui.ErrPasswordPolicy:        {"reason"},
	ui.ErrCredentials:           nil,
	ui.ErrTaken:                 nil,
	ui.ErrNoIdentifier:          nil,
	ui.ErrMaxLength:             {"max_length", "actual_length"},
	ui.ErrMinimum:               {"minimum", "actual"},
	ui.ErrExclusiveMinimum:      {"minimum", "actual"},
	ui.ErrMaximum:               {"maximum", "actual"},
	ui.ErrExclusiveMaximum:      {"maximum", "actual"},
	ui.ErrMultipleOf:            {"base", "actual"},
	ui.ErrMaxItems:              {"max_items", "actual_items"},
	ui.ErrMinItems:              {"min_items", "actual_items"},
	ui.ErrUniqueItems:           {"index_a", "index_b"},
	ui.ErrType:                  {"allowed_types", "actual_type"},
	ui.ErrConst:                 {"expected"},
	ui.ErrConstGeneric:          nil,
	ui.ErrPasswordSimilar:       nil,
	ui.ErrPasswordTooShort:      {"min_length", "actual_length"},
	ui.ErrPasswordTooLong:       {"max_length", "actual_length"},
	ui.ErrPasswordSame:          nil,
	ui.ErrEmail:                 {"value"},
	ui.ErrTel:                   {"value"},
	ui.ErrLoginExpired:          {"expired_at", "expired_at_unix"},
	ui.ErrNoLoginMethod:         nil,
	ui.ErrNoRegistrationMethod:  nil,
	ui.ErrNoSettingsMethod:      nil,
	ui.ErrNoRecoveryMethod:      nil,
	ui.ErrLoginCompleted:        nil,
	ui.ErrLoginCode:             nil,
	ui.ErrIdentityDisabled:      nil,
	ui.ErrRegistrationExpired:   {"expired_at", "expired_at_unix"},
	ui.ErrRegistrationCompleted: nil,
	ui.ErrSettingsExpired:       {"expired_at", "expired_at_unix"},
	ui.ErrRecoveryCompleted:     nil,
	ui.ErrRecoveryToken:         nil,
	ui.ErrRecoveryExpired:       {"expired_at", "expired_at_unix"},
	ui.ErrRecoveryCode:          nil,
}

// The numbers themselves, so that no constant changes its meaning.
func TestIDs(t *testing.T) {
	var got []int
	for id := range messages {
		got = append(got, id)
	}
	slices.Sort(got)
	require.Equal(t, []int{
		1010001, 1010002, 1010003, 1010004, 1010014, 1010015, 1010016, 1010017, 1010018, 1010022,
		1040001, 1040002, 1040003, 1040006, 1040008, 1040009,
		1050001, 1050002, 1050003, 1050101,
		1060001, 1060002, 1060003, 1060101, 1060102, 1060103,
		1070001, 1070002, 1070003, 1070004, 1070010, 1070013,
		4000001, 4000002, 4000003, 4000004, 4000005, 4000006, 4000007, 4000009, 4000017, 4000018, 4000019, 4000020,
		4000021, 4000022, 4000023, 4000024, 4000025, 4000026, 4000027, 4000029, 4000030, 4000031, 4000032, 4000033, 4000039,
		4000040, 4000041, 4000103, 4000104, 4000105, 4000106,
		4010001, 4010002, 4010003, 4010004, 4010005, 4010007, 4010008, 4010009, 4010011,
		4040001, 4040002,
		4050001,
		4060001, 4060004, 4060005, 4060006,
	}, got)
	require.Equal(t, 4000002, ui.ErrRequired)
	require.Equal(t, 4000007, ui.ErrTaken)
	require.Equal(t, 4000017, ui.ErrMaxLength)
	require.Equal(t, 4000032, ui.ErrPasswordTooShort)
	require.Equal(t, 4000040, ui.ErrEmail)
	require.Equal(t, 4040001, ui.ErrRegistrationExpired)
	require.Equal(t, 4000006, ui.ErrCredentials)
	require.Equal(t, 4010008, ui.ErrLoginCode)
	require.Equal(t, 4060006, ui.ErrRecoveryCode)
	require.Equal(t, 1010022, ui.LabelSignIn)
}

// Each id in use has a text in the language of last resort, which asks for
// nothing the context does not have.
func TestShipped(t *testing.T) {
	c, err := ui.Shipped()
	require.NoError(t, err)
	for id, context := range messages {
		filled := map[string]any{}
		for _, key := range context {
			filled[key] = "filled"
		}
		m := c.Message(ui.DefaultLocale, id, filled)
		require.NotEmpty(t, m.Text, id)
		require.NotContains(t, m.Text, "{", id)
		require.Equal(t, id, m.ID)
		require.Equal(t, filled, m.Context)
		want := "error"
		switch {
		case id == ui.SuccessSaved || id == ui.SuccessRecovered:
			want = "success"
		case id < 4000000:
			want = "info"
		}
		require.Equal(t, want, m.Type, id)
	}
}

func TestMessage(t *testing.T) {
	c := ui.Catalogue{"en": {1: "{a} and {b}", 2: "only here"}, "de": {1: "{b} und {a}"}}
	context := map[string]any{"a": "x", "b": json.Number("7")}
	require.Equal(t, "x and 7", c.Message("en", 1, context).Text)
	require.Equal(t, "7 und x", c.Message("de", 1, context).Text)
	require.Equal(t, "only here", c.Message("de", 2, nil).Text, "what a language lacks is told in the default one")
	require.Equal(t, "x and 7", c.Message("fr", 1, context).Text)
	require.Empty(t, c.Message("en", 3, nil).Text)
	require.Equal(t, "{a} and {b}", c.Message("en", 1, nil).Text, "a missing value shows")
	require.Equal(t, "{b} and {a}", c.Message("en", 1, map[string]any{"a": "{b}", "b": "{a}"}).Text, "values are not filled in again")
	for want, value := range map[string]any{
		"true and y": true, "1, 2 and y": []any{1, "2"}, "a, b and y": []string{"a", "b"}, "null and y": nil, "0.5 and y": 0.5, "12 and y": 12,
	} {
		require.Equal(t, want, c.Message("en", 1, map[string]any{"a": value, "b": "y"}).Text)
	}
}

// Every keyword of JSON Schema has its message; what has none of its own is
// told with its reason.
func TestProblems(t *testing.T) {
	for keyword, id := range map[string]int{
		"required": 4000002, "minLength": 4000003, "maxLength": 4000017, "pattern": 4000004, "minimum": 4000018,
		"exclusiveMinimum": 4000019, "maximum": 4000020, "exclusiveMaximum": 4000021, "multipleOf": 4000022,
		"maxItems": 4000023, "minItems": 4000024, "uniqueItems": 4000025, "type": 4000026, "format:email": 4000040,
		"format:tel": 4000041, "const": 4000030, "enum": 4000001, "format": 4000001, "additionalProperties": 4000001,
		"identifier": 4000001, "false": 4000001, "anyOf": 4000001, "new in some draft": 4000001,
	} {
		got := ui.Problems([]schema.Violation{{Path: "traits.a", Keyword: keyword, Context: map[string]any{"reason": "r"}}})
		want := "r"
		if id == ui.ErrGeneric {
			want = "This r."
		}
		require.Equal(t, []ui.Problem{{Node: "traits.a", ID: id, Context: map[string]any{"reason": want}}}, got, keyword)
	}
	named := schema.Violation{Keyword: "additionalProperties", Context: map[string]any{"reason": `the property "x" is not allowed`, "property": "x"}}
	require.Equal(t, map[string]any{"reason": `The property "x" is not allowed.`, "property": "x"}, ui.Problems([]schema.Violation{named})[0].Context)
	require.Equal(t, `the property "x" is not allowed`, named.Context["reason"], "the violation is left as it was")
	got := ui.Problems([]schema.Violation{{Keyword: "const", Context: map[string]any{"expected": true}}})
	require.Equal(t, 4000029, got[0].ID)
	require.Empty(t, ui.Problems(nil))
}
