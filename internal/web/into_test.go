package web_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// Who sends a body that does not fit is told what, and not all of it again.
func TestReadAdmin(t *testing.T) {
	type order struct {
		Name  string `json:"name"`
		Count int    `json:"count"`
		Inner struct {
			List []string `json:"list"`
		} `json:"inner"`
	}
	long := strings.Repeat("9", 5000)
	for body, want := range map[string]string{
		`{"name":"a","count":2,"inner":{"list":["x"]}}`: "",
		`{}`:                              "",
		`{"count":"2"}`:                   `body_invalid The field "count" must not be a string.`,
		`{"inner":{"list":[1]}}`:          `body_invalid The field "inner.list" must not be a number.`,
		`{"inner":[]}`:                    `body_invalid The field "inner" must not be a array.`,
		`{"count":300000000000000000000}`: `body_invalid The field "count" must not be a number 3`,
		`{"nam":1}`:                       `field_unknown The field "nam" is not known here.`,
		`{"inner":{"more":1}}`:            `field_unknown The field "more" is not known here.`,
		`{"` + long + `":1}`:              `field_unknown The field "999`,
		`{"name":"a","Name":"b"}`:         `json_duplicate_key `,
		`[]`:                              `json_not_object `,
		``:                                `body_empty `,
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		var in order
		err := web.ReadAdmin(httptest.NewRecorder(), r, &in)
		if want == "" {
			require.NoError(t, err, body)
			continue
		}
		e := fail.As(err)
		require.NotNil(t, e, body)
		require.Contains(t, e.ID+" "+e.Reason, want, "%.80s", body)
		require.Less(t, len(e.Reason), 400)
	}
}
