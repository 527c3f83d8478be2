package ui

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/foyer-id/foyer/schema"
)

// Message ids of Ory Kratos' wire protocol, as far as they are in use.
const (
	LabelConfirmSignIn    = 1010001
	LabelSignInWith       = 1010002 // {provider, provider_id}
	InfoRefresh           = 1010003
	InfoSecondFactor      = 1010004
	InfoLoginCodeSent     = 1010014
	LabelSendLoginCode    = 1010015
	InfoLink              = 1010016 // {provider, duplicateIdentifier, newLoginUrl, duplicate_identifier, new_login_url, available_credential_types, available_providers}
	LabelSignInAndLink    = 1010017
	LabelConfirmWith      = 1010018 // {provider, provider_id}
	LabelSignIn           = 1010022 // with a password
	LabelSignUp           = 1040001
	LabelSignUpWith       = 1040002 // {provider, provider_id}
	LabelSignUpContinue   = 1040003
	InfoSignUpCodeSent    = 1040005
	LabelSendSignUpCode   = 1040006
	LabelBack             = 1040008
	InfoChooseCredential  = 1040009
	SuccessSaved          = 1050001
	LabelLink             = 1050002 // {provider, provider_id}
	LabelUnlink           = 1050003 // {provider, provider_id}
	SuccessRecovered      = 1060001 // {privilegedSessionExpiresAt, privileged_session_expires_at, privileged_session_expires_at_unix}
	InfoRecoveryLinkSent  = 1060002
	InfoRecoveryCodeSent  = 1060003
	LabelPassword         = 1070001
	LabelTrait            = 1070002 // {title, name}
	LabelSave             = 1070003
	LabelIdentifier       = 1070004
	LabelEmail            = 1070007
	LabelResend           = 1070008 // {available_at}
	LabelContinue         = 1070009
	LabelRecoveryCode     = 1070010
	LabelVerificationCode = 1070011
	LabelSignUpCode       = 1070012
	LabelLoginCode        = 1070013
	LabelEmailOrPhone     = 1070018
	InfoLinkSent          = 1080001
	SuccessEmailVerified  = 1080002
	InfoCodeSent          = 1080003
	InfoCodeSentSMS       = 1080004
	SuccessPhoneVerified  = 1080005

	// Beyond the protocol.
	InfoTypeCode            = 1040101 // {code}
	InfoWhoAsked            = 1040102 // {at, device, ip}
	LabelConfirmSignUp      = 1040103
	InfoAskedFrom           = 1040104 // {at, ip}
	InfoOnlyWayIn           = 1050101 // {provider}
	InfoUnlinked            = 1060101 // {addresses}
	LabelConfirmRecovery    = 1060102 // {address}
	LabelConfirmRecoveryAny = 1060103
	LabelConfirm            = 1080101
	LabelConfirmAddress     = 1080102 // {address}

	ErrGeneric               = 4000001 // {reason}
	ErrRequired              = 4000002 // {property}
	ErrMinLength             = 4000003 // {min_length, actual_length}
	ErrPattern               = 4000004 // {pattern}
	ErrPasswordPolicy        = 4000005 // {reason}
	ErrCredentials           = 4000006 // no such account, or a wrong password: never which
	ErrTaken                 = 4000007
	ErrNoIdentifier          = 4000009
	ErrMaxLength             = 4000017 // {max_length, actual_length}
	ErrMinimum               = 4000018 // {minimum, actual}
	ErrExclusiveMinimum      = 4000019 // {minimum, actual}
	ErrMaximum               = 4000020 // {maximum, actual}
	ErrExclusiveMaximum      = 4000021 // {maximum, actual}
	ErrMultipleOf            = 4000022 // {base, actual}
	ErrMaxItems              = 4000023 // {max_items, actual_items}
	ErrMinItems              = 4000024 // {min_items, actual_items}
	ErrUniqueItems           = 4000025 // {index_a, index_b}
	ErrType                  = 4000026 // {allowed_types, actual_type}
	ErrLinkedElsewhere       = 4000027
	ErrConst                 = 4000029 // {expected}
	ErrConstGeneric          = 4000030
	ErrPasswordSimilar       = 4000031
	ErrPasswordTooShort      = 4000032 // {min_length, actual_length}
	ErrPasswordTooLong       = 4000033 // {max_length, actual_length}
	ErrTraitsChanged         = 4000036
	ErrPasswordSame          = 4000039
	ErrEmail                 = 4000040 // {value}
	ErrTel                   = 4000041 // {value}
	ErrTooManyGuesses        = 4000101
	ErrTooManyLoginCodes     = 4000102 // the same where messages hold no link
	ErrAwayTooLong           = 4000103
	ErrUntrusted             = 4000104 // {provider}
	ErrLastWayIn             = 4000105
	ErrNoAccountHere         = 4000106 // {provider}
	ErrLoginExpired          = 4010001 // {expired_at, expired_at_unix}
	ErrNoLoginMethod         = 4010002
	ErrNoRegistrationMethod  = 4010003
	ErrNoSettingsMethod      = 4010004
	ErrNoRecoveryMethod      = 4010005
	ErrNoVerificationMethod  = 4010006
	ErrLoginCompleted        = 4010007
	ErrLoginCode             = 4010008
	ErrLinkMismatch          = 4010009
	ErrIdentityDisabled      = 4010011
	ErrRegistrationExpired   = 4040001 // {expired_at, expired_at_unix}
	ErrRegistrationCompleted = 4040002
	ErrSignUpCode            = 4040003
	ErrSettingsExpired       = 4050001 // {expired_at, expired_at_unix}
	ErrRecoveryCompleted     = 4060001
	ErrRecoveryToken         = 4060004
	ErrRecoveryExpired       = 4060005 // {expired_at, expired_at_unix}
	ErrRecoveryCode          = 4060006
	ErrVerificationToken     = 4070001
	ErrVerificationCompleted = 4070002
	ErrVerificationExpired   = 4070005 // {expired_at, expired_at_unix}
	ErrVerificationCode      = 4070006
)

// keywordIDs maps the JSON-schema keyword that failed to its message.
// Keywords that are not here are told as ErrGeneric with their reason.
var keywordIDs = map[string]int{
	"required":         ErrRequired,
	"minLength":        ErrMinLength,
	"maxLength":        ErrMaxLength,
	"pattern":          ErrPattern,
	"minimum":          ErrMinimum,
	"exclusiveMinimum": ErrExclusiveMinimum,
	"maximum":          ErrMaximum,
	"exclusiveMaximum": ErrExclusiveMaximum,
	"multipleOf":       ErrMultipleOf,
	"maxItems":         ErrMaxItems,
	"minItems":         ErrMinItems,
	"uniqueItems":      ErrUniqueItems,
	"type":             ErrType,
	"const":            ErrConst,
	"format:email":     ErrEmail,
	"format:tel":       ErrTel,
}

// Problem is something a person can mend: which node, what is wrong with it,
// and the limits that say so. It is what a flow stores instead of a message.
type Problem struct {
	Node    string         `json:"node,omitempty"` // node name; empty for the whole form
	ID      int            `json:"id"`
	Context map[string]any `json:"context,omitempty"`
	Foreign bool           `json:"foreign,omitempty"` // made by Foreign: Context has text, type and context
}

// Problems turns schema violations into problems on the nodes they concern.
func Problems(violations []schema.Violation) []Problem {
	out := make([]Problem, 0, len(violations))
	for _, v := range violations {
		p := Problem{Node: v.Path, ID: keywordIDs[v.Keyword], Context: v.Context}
		if p.ID == 0 {
			p.ID, p.Context = ErrGeneric, maps.Clone(v.Context)
			if reason, ok := v.Context["reason"].(string); ok {
				p.Context["reason"] = sentence(reason)
			}
		}
		if _, specific := v.Context["expected"]; p.ID == ErrConst && !specific {
			p.ID = ErrConstGeneric
		}
		out = append(out, p)
	}
	return out
}

// sentence makes of a schema's reason, which speaks of "this value" or names
// its own subject, what a person reads beside the field.
func sentence(reason string) string {
	if subject, ok := strings.CutPrefix(reason, "the "); ok {
		return "The " + subject + "."
	}
	return "This " + reason + "."
}

// Message is a text for a person, with the id and context a program reads.
type Message struct {
	ID      int            `json:"id"`
	Text    string         `json:"text"`
	Type    string         `json:"type"` // info, success or error
	Context map[string]any `json:"context,omitempty"`
}

// messageType derives a message's type from its id: 4 and 5 million are errors.
func messageType(id int) string {
	switch {
	case id >= 4000000:
		return "error"
	case id == SuccessSaved, id == SuccessRecovered, id == SuccessEmailVerified, id == SuccessPhoneVerified:
		return "success"
	}
	return "info"
}

// Catalogue holds the texts of every language: locale, then message id.
type Catalogue map[string]map[int]string

// DefaultLocale is the language of last resort; its texts are complete.
const DefaultLocale = "en"

// Message fills the text of id in locale, a canonical BCP 47 tag, or in the
// next language of its chain that has it.
func (c Catalogue) Message(locale string, id int, context map[string]any) Message {
	return Message{ID: id, Type: messageType(id), Text: fill(c.text(locale, id), context), Context: context}
}

// parse reads one language file: a JSON object of id to text.
func parse(raw []byte) (map[int]string, error) {
	texts := map[int]string{}
	return texts, json.Unmarshal(raw, &texts)
}
