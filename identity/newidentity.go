package identity

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/foyer-id/foyer/internal/fail"
)

// newIdentity is the body of a create.
type newIdentity struct {
	schemaID, externalID     string
	state                    State
	traits                   map[string]any
	public, admin            json.RawMessage
	password, hashedPassword string
	hasPassword              bool // the body has credentials.password
}

// readNewIdentity takes a decoded body apart. Only the fields listed here are
// read, and any other is refused by name.
func readNewIdentity(body map[string]any) (*newIdentity, error) {
	o := &object{fields: body}
	o.only("schema_id", "external_id", "state", "traits", "metadata_public", "metadata_admin", "credentials")
	in := &newIdentity{
		schemaID:   o.text("schema_id"),
		externalID: o.text("external_id"),
		state:      State(o.text("state")),
		traits:     o.object("traits").fields,
		public:     o.raw("metadata_public"),
		admin:      o.raw("metadata_admin"),
	}
	credentials := o.object("credentials")
	credentials.only("password")
	_, in.hasPassword = credentials.fields["password"]
	password := credentials.object("password")
	password.only("config")
	config := password.object("config")
	config.only("password", "hashed_password")
	in.password, in.hashedPassword = config.text("password"), config.text("hashed_password")
	for _, read := range []*object{o, credentials, password, config} {
		if read.err != nil {
			return nil, read.err
		}
	}
	switch {
	case in.traits == nil:
		return nil, fail.New(fail.BadRequest, "traits_missing", "The field traits is required and has to be an object.")
	case len(in.externalID) > maxExternalID:
		return nil, fail.New(fail.BadRequest, "external_id_too_long", "external_id may have 255 bytes at most.")
	case in.state != "" && in.state != StateActive && in.state != StateInactive:
		return nil, fail.New(fail.BadRequest, "state_invalid", "state has to be active or inactive.")
	}
	return in, nil
}

// maxExternalID bounds an id that another system gave, in bytes.
const maxExternalID = 255

// object reads one object of a body and remembers the first thing wrong with it.
type object struct {
	path   string // ends with a dot, or is empty
	fields map[string]any
	err    error
}

func (o *object) refuse(err error) {
	if o.err == nil {
		o.err = err
	}
}

func (o *object) name(key string) string { return "The field " + strconv.Quote(o.path+key) }

func (o *object) only(keys ...string) {
	for key := range o.fields {
		if !slices.Contains(keys, key) {
			o.refuse(fail.New(fail.BadRequest, "field_unknown", o.name(key)+" is not known here."))
		}
	}
}

func (o *object) text(key string) string {
	switch v := o.fields[key].(type) {
	case nil:
		return ""
	case string:
		return v
	}
	o.refuse(fail.New(fail.BadRequest, "body_invalid", o.name(key)+" has to be a string."))
	return ""
}

func (o *object) object(key string) *object {
	inner := &object{path: o.path + key + "."}
	switch v := o.fields[key].(type) {
	case nil:
	case map[string]any:
		inner.fields = v
	default:
		o.refuse(fail.New(fail.BadRequest, "body_invalid", o.name(key)+" has to be an object."))
	}
	return inner
}

// raw is any JSON value, nil where there is none.
func (o *object) raw(key string) json.RawMessage {
	v, ok := o.fields[key]
	if !ok || v == nil {
		return nil
	}
	return encode(v)
}
