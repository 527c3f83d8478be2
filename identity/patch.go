package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// What of an identity a patch may change, and what it may only test.
var (
	patchable = []string{"schema_id", "external_id", "state", "traits", "metadata_public", "metadata_admin"}
	testable  = append(slices.Clone(patchable), "id", "schema_url", "state_changed_at", "verifiable_addresses", "recovery_addresses",
		"credentials", "organization_id", "created_at", "updated_at")
	patchableAddress = []string{"verified", "status", "verified_at"}
)

// maxCopied bounds what copies in one patch add up to, in bytes.
const maxCopied = 1 << 20

// readPatch reads a JSON Patch. What it may not touch is refused before anything is
// done.
func readPatch(list []any) (jsonpatch.Patch, error) {
	for n, one := range list {
		fields, ok := one.(map[string]any)
		if !ok {
			return nil, fail.New(fail.BadRequest, "patch_invalid", "A JSON Patch is a list of objects with op and path.")
		}
		o := web.TakeApart(fields, strconv.Itoa(n))
		o.Only("op", "path", "from", "value")
		op, path, from := o.Text("op"), o.Text("path"), o.Text("from")
		_, hasValue := fields["value"]
		needsValue, needsFrom := op == "add" || op == "replace" || op == "test", op == "move" || op == "copy"
		switch {
		case !needsValue && !needsFrom && op != "remove":
			o.Refuse("op", fail.New(fail.BadRequest, "patch_invalid", "op has to be add, remove, replace, move, copy or test."))
		case needsValue != hasValue || needsFrom != o.Has("from"):
			o.Refuse("", fail.New(fail.BadRequest, "patch_invalid", "add, replace and test have a value, move and copy have from, and no other has."))
		}
		checkPatched(o, "path", path, op == "test")
		if needsFrom {
			checkPatched(o, "from", from, false)
		}
		if o.Err() != nil {
			return nil, o.Err()
		}
	}
	patch, err := jsonpatch.DecodePatch(encode(list))
	if err != nil {
		return nil, fail.Wrap(err, fail.BadRequest, "patch_invalid", "The body is no JSON Patch.")
	}
	return patch, nil
}

var unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")

// checkPatched refuses a path that a patch may not change, or if it only tests, not
// even read.
func checkPatched(o web.Object, name, path string, tests bool) {
	parts := strings.Split(path, "/")
	for n := range parts {
		parts[n] = unescapePointer.Replace(parts[n])
	}
	first := ""
	if parts = parts[1:]; len(parts) > 0 {
		first = parts[0]
	}
	switch {
	case path != "" && (path[0] != '/' || !slices.Contains(testable, first) && first != "region" && first != "stateChangedAt"):
		o.Refuse(name, fail.New(fail.BadRequest, "patch_path_unknown", "An identity has nothing at "+strconv.Quote(web.Clip(path))+"."))
	case path != "" && tests, slices.Contains(patchable, first):
	case name == "path" && first == "credentials" && len(parts) > 1 && parts[1] == string(CredentialPassword):
	case name == "path" && first == "verifiable_addresses" && len(parts) == 3 && slices.Contains(patchableAddress, parts[2]):
	default:
		o.Refuse(name, fail.New(fail.BadRequest, "patch_path_protected", strconv.Quote(web.Clip(path))+" cannot be changed by a patch."))
	}
}

// patched is what i is to be once a patch is applied, and whether it is to lose its
// password.
func (h *HTTP) patched(i *Identity, patch jsonpatch.Patch) (in *input, unlocked bool, err error) {
	before := h.document(i)
	after, err := apply(before, patch)
	if err != nil {
		return nil, false, err
	}
	fields := map[string]any{}
	for _, name := range patchable {
		fields[name] = after[name]
	}
	was, is := before["credentials"].(map[string]any), after["credentials"].(map[string]any)
	password, has := is[string(CredentialPassword)]
	if old := was[string(CredentialPassword)]; has && !same(old, password) {
		config, err := patchedPassword(old, password)
		if err != nil {
			return nil, false, err
		}
		fields["credentials"] = map[string]any{string(CredentialPassword): map[string]any{"config": config}}
	}
	o := web.TakeApart(fields)
	in = readInput(o)
	if o.Err() == nil {
		in.claims, err = patchedAddresses(before["verifiable_addresses"], after["verifiable_addresses"])
	}
	return in, was[string(CredentialPassword)] != nil && !has, errors.Join(o.Err(), err)
}

// document is what a patch of i begins with: how an operator sees it, with every
// field there, and without what providers gave.
func (h *HTTP) document(i *Identity) map[string]any {
	view := h.View.Admin(i)
	for _, c := range i.Credentials {
		if c.Type != CredentialOIDC {
			shown := view.Credentials[string(c.Type)]
			shown.Config = c.Config
			view.Credentials[string(c.Type)] = shown
		}
	}
	document, _ := decoded(encode(view)).(map[string]any)
	for _, name := range testable {
		if _, ok := document[name]; !ok {
			document[name] = nil
		}
	}
	if document["credentials"] == nil {
		document["credentials"] = map[string]any{}
	}
	return document
}

// apply is the document with a patch applied.
func apply(document map[string]any, patch jsonpatch.Patch) (after map[string]any, err error) {
	failed := func(cause error) error {
		e := fail.Wrap(cause, fail.BadRequest, "patch_failed", "The patch does not fit the identity: there is nothing at one of its paths, or a test fails.")
		return e
	}
	defer func() {
		// What an operator sends is not to find out what the library has not thought of.
		if v := recover(); v != nil {
			err = failed(fmt.Errorf("identity: a patch panicked: %v", v))
		}
	}()
	options := jsonpatch.NewApplyOptions()
	options.SupportNegativeIndices, options.AccumulatedCopySizeLimit, options.EscapeHTML = false, maxCopied, false
	raw, err := patch.ApplyWithOptions(encode(document), options)
	if err != nil {
		return nil, failed(err)
	}
	if len(raw) > web.MaxAdminBody {
		return nil, failed(errors.New("identity: the result is too large"))
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&after); err != nil {
		return nil, failed(err)
	}
	return after, nil
}

func same(a, b any) bool { return sameJSON(encode(a), encode(b)) }

// patchedPassword is the configuration of a password credential that a patch has
// changed. Nothing else about it may differ.
func patchedPassword(before, after any) (config any, err error) {
	old, _ := before.(map[string]any)
	is, ok := after.(map[string]any)
	if !ok {
		return nil, fail.New(fail.BadRequest, "body_invalid", "credentials.password has to be an object.")
	}
	if t, given := is["type"]; given && t != string(CredentialPassword) {
		return nil, fail.New(fail.BadRequest, "credential_invalid", "The type of credentials.password is password.")
	}
	for name, value := range is {
		if name != "config" && name != "type" && !same(value, old[name]) {
			return nil, fail.New(fail.BadRequest, "patch_path_protected", "Of credentials.password a patch can change config alone.")
		}
	}
	return is["config"], nil
}

// patchedAddresses are what a patch says of addresses it has changed.
func patchedAddresses(before, after any) ([]claim, error) {
	was, _ := before.([]any)
	is, _ := after.([]any)
	var changed []any
	for n := range is {
		old, now := was[n].(map[string]any), maps.Clone(is[n].(map[string]any))
		if same(old, now) {
			continue
		}
		if now["verified"] != true && old["verified"] == true {
			for name, fallback := range map[string]any{"status": AddressPending, "verified_at": nil} {
				if same(now[name], old[name]) {
					now[name] = fallback
				}
			}
		}
		changed = append(changed, now)
	}
	o := web.TakeApart(map[string]any{"verifiable_addresses": changed})
	return readClaims(o, "verifiable_addresses", ForVerification), o.Err()
}
