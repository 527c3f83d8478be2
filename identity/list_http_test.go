package identity_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

func listed(t *testing.T, env *enginetest.Env, query string) (list []object, a *enginetest.Answer) {
	t.Helper()
	a = env.Admin("GET", "/admin/identities?"+query, nil)
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	require.NoError(t, json.Unmarshal(a.Body, &list))
	return list, a
}

func TestListByIDs(t *testing.T) {
	env := enginetest.New(t)
	query := url.Values{}
	ids := map[any]bool{}
	for n := range 3 {
		i := create(t, env, person(fmt.Sprintf("p%d@example.org", n)))
		if n > 0 {
			ids[i["id"]] = true
			query.Add("ids", i["id"].(string))
			query.Add("ids", strings.ToUpper(i["id"].(string)))
		}
	}
	query.Add("ids", uuid.Must(uuid.NewV4()).String())
	list, a := listed(t, env, query.Encode())
	require.Len(t, list, 2, "each once, and nobody else")
	for _, i := range list {
		require.True(t, ids[i["id"]])
	}
	require.NotContains(t, a.Header.Get("Link"), `rel="next"`)
	many := url.Values{}
	for range 500 {
		many.Add("ids", uuid.Must(uuid.NewV4()).String())
	}
	list, _ = listed(t, env, many.Encode())
	require.Empty(t, list)
	many.Add("ids", uuid.Must(uuid.NewV4()).String())
	require.Equal(t, "ids_too_many", env.Admin("GET", "/admin/identities?"+many.Encode(), nil).ErrorID())
}

func TestListRefuses(t *testing.T) {
	env := enginetest.New(t)
	const id = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
	for query, told := range map[string]string{
		"ids=x": "ids_invalid", "ids=": "ids_invalid", "ids=' OR 1=1 --": "ids_invalid",
		"preview_credentials_identifier_similar=a": "filter_unsupported", "organization_id=" + id: "filter_unsupported",
		"ids=" + id + "&credentials_identifier=a": "filters_conflict",
		"include_credential=Password":             "credential_type_unknown", "include_credential=": "credential_type_unknown",
		"consistency=none": "consistency_invalid",
		"Ids=" + id:        "parameter_unknown", "ids[]=" + id: "parameter_unknown", "limit=3": "parameter_unknown", "sort=traits": "parameter_unknown",
		"page=-1": "page_invalid", "page=x": "page_invalid", "page=5": "page_invalid", "page=1001&per_page=1": "page_invalid",
		"page=9223372036854775807&per_page=2": "page_invalid", "page=0&per_page=501": "page_size_invalid", "page=1&credentials_identifier=a": "pagination_unsupported",
		"page=1&ids=" + id: "pagination_unsupported", "page=1&page_token=x": "pagination_unsupported",
	} {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		a := env.Admin("GET", "/admin/identities?"+values.Encode(), nil)
		require.Equal(t, "400 "+told, fmt.Sprint(a.Status, " ", a.ErrorID()), query)
	}
	for _, path := range []string{"/admin/identities/" + id, "/admin/identities/by/external/x"} {
		require.Equal(t, "credential_type_unknown", env.Admin("GET", path+"?include_credential=magic", nil).ErrorID())
		require.Equal(t, "parameter_unknown", env.Admin("GET", path+"?include_credentials=password", nil).ErrorID())
	}
}

// A token leads on in the list it was given out for, for an hour, and nowhere else.
func TestPageTokens(t *testing.T) {
	env := enginetest.New(t)
	for n := range 4 {
		create(t, env, person(fmt.Sprintf("p%d@example.org", n)))
	}
	_, a := listed(t, env, "page_size=2")
	following := func(a *enginetest.Answer) url.Values {
		m := next.FindStringSubmatch(a.Header.Get("Link"))
		require.NotNil(t, m)
		u, err := url.Parse(m[1])
		require.NoError(t, err)
		return u.Query()
	}
	query := following(a)
	token := query.Get("page_token")
	second, _ := listed(t, env, query.Encode())
	require.Len(t, second, 2)
	resized, _ := listed(t, env, "page_size=1&page_token="+token)
	require.Equal(t, second[:1], resized, "a page may be of another size")

	_, shown := listed(t, env, "page_size=2&include_credential=password")
	for what, query := range map[string]string{
		"another filter": "credentials_identifier=p1@example.org&page_token=" + token,
		"a shown secret": "include_credential=password&page_token=" + token,
		"less shown":     "page_token=" + following(shown).Get("page_token"),
		"an id":          "page_token=" + second[0]["id"].(string),
		"cut":            "page_token=" + token[:len(token)-1],
		"longer":         "page_token=" + token + "A",
		"hydra's":        "page_token=" + url.QueryEscape("gAAAAA' OR 1=1 --"),
	} {
		a := env.Admin("GET", "/admin/identities?"+query, nil)
		require.Equal(t, "400 page_token_invalid", fmt.Sprint(a.Status, " ", a.ErrorID()), what)
	}
	require.Equal(t, "page_token_invalid", env.Admin("GET", "/admin/sessions?page_token="+token, nil).ErrorID(), "another list")
	env.Clock.Advance(time.Hour)
	require.Equal(t, "page_token_expired", env.Admin("GET", "/admin/identities?page_token="+token, nil).ErrorID())
}

func TestListByNumber(t *testing.T) {
	env := enginetest.New(t)
	for n := range 5 {
		create(t, env, person(fmt.Sprintf("p%d@example.org", n)))
	}
	all, _ := listed(t, env, "")
	for page, want := range map[int][]object{0: all[:2], 1: all[2:4], 2: all[4:], 3: {}} {
		list, a := listed(t, env, fmt.Sprintf("page=%d&per_page=2", page))
		require.Equal(t, want, list, page)
		require.Equal(t, "5", a.Header.Get("X-Total-Count"))
		link := a.Header.Get("Link")
		require.Contains(t, link, `rel="first"`)
		require.Contains(t, link, `rel="last"`)
		require.Equal(t, page > 0, strings.Contains(link, `rel="prev"`), link)
		require.Equal(t, page < 2, strings.Contains(link, `rel="next"`), link)
		if m := next.FindStringSubmatch(link); m != nil {
			got := env.Admin("GET", m[1], nil)
			require.Equal(t, http.StatusOK, got.Status, "%s", got.Body)
		}
	}
	for query, size := range map[string]int{"page=0&per_page=2&page_size=250": 2, "page=0&page_size=3": 3, "page=0": 5} {
		list, _ := listed(t, env, query)
		require.Len(t, list, size, query)
	}
	_, a := listed(t, env, "page=4&per_page=250")
	require.Equal(t, "5", a.Header.Get("X-Total-Count"), "the last that is reached")
}

func TestByExternalID(t *testing.T) {
	env := enginetest.New(t)
	i := create(t, env, with(person("ada@example.org"), "external_id", "crm/7 Ä%"))
	create(t, env, person("bob@example.org"))
	for _, path := range []string{"/admin/identities/by/external/", "/identities/by/external/"} {
		a := env.Admin("GET", path+url.PathEscape("crm/7 Ä%"), nil)
		require.Equal(t, i, a.JSON())
		require.Equal(t, env.Admin("GET", "/admin/identities/"+i["id"].(string), nil).Header.Get("ETag"), a.Header.Get("ETag"))
	}
	head := env.Admin("HEAD", "/admin/identities/by/external/"+url.PathEscape("crm/7 Ä%"), nil)
	require.Equal(t, http.StatusOK, head.Status)
	require.Empty(t, head.Body)
	for _, none := range []string{"crm", "CRM/7 Ä%", "%", "%00", "' OR 1=1 --", i["id"].(string), strings.Repeat("x", 4000)} {
		a := env.Admin("GET", "/admin/identities/by/external/"+url.PathEscape(none), nil)
		require.Equal(t, "404 identity_not_found", fmt.Sprint(a.Status, " ", a.ErrorID()), none)
	}
	require.Equal(t, http.StatusNotFound, env.Admin("GET", "/admin/identities/by/external/", nil).Status)
	require.Equal(t, http.StatusNotFound, env.Admin("GET", "/admin/identities/by", nil).Status)
}

// What credentials hold is shown where it is asked for by type, and nowhere else.
func TestIncludeCredential(t *testing.T) {
	op, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(op.Close)
	env := enginetest.New(t, enginetest.WithProvider("op", op, nil), enginetest.With("selfservice.methods.oidc.config.store_tokens", true))
	c := env.Browser()
	c.Visit(op, c.Submit(c.Open(""), enginetest.Values{"provider": "op"}))
	id := c.Whoami("").JSON()["identity"].(object)["id"].(string)
	other := create(t, env, with(person("bob@example.org"), "credentials.password.config.hashed_password", argon2Hash))

	config := func(i object, credential string) object {
		c, _ := i["credentials"].(object)[credential].(object)["config"].(object)
		return c
	}
	path := "/admin/identities/" + id
	require.Nil(t, config(env.Admin("GET", path, nil).JSON(), "oidc"))
	require.Nil(t, config(env.Admin("GET", path+"?include_credential=password", nil).JSON(), "oidc"))
	shown := config(env.Admin("GET", path+"?include_credential=oidc&include_credential=totp", nil).JSON(), "oidc")["providers"].([]any)
	require.Len(t, shown, 1)
	account := shown[0].(object)
	require.Equal(t, "op", account["provider"])
	require.NotEmpty(t, account["initial_access_token"])
	require.Equal(t, 2, strings.Count(account["initial_id_token"].(string), "."))
	require.NotContains(t, account, "tokens")

	path = "/admin/identities/" + other["id"].(string)
	require.Equal(t, object{"hashed_password": argon2Hash}, config(env.Admin("GET", path+"?include_credential=password", nil).JSON(), "password"))
	require.NotContains(t, string(env.Admin("GET", path+"?include_credential=oidc", nil).Body), "argon2")

	for query, want := range map[string]int{
		"": 0, "include_credential=password": 1, "credentials_identifier=bob@example.org": 0, "ids=" + other["id"].(string): 0,
		"ids=" + other["id"].(string) + "&include_credential=password": 1, "page=0&include_credential=password": 1,
	} {
		_, a := listed(t, env, query)
		require.Equal(t, want, strings.Count(string(a.Body), "argon2"), query)
		require.Equal(t, query != "", strings.Contains(string(a.Body), `"credentials"`), query)
	}
	for _, file := range env.Files() {
		require.NotContains(t, string(file), account["initial_access_token"])
	}
	require.NotContains(t, env.Logs.String(), account["initial_access_token"])

	// Moved to another account, tokens open no more.
	env.Exec(`UPDATE credentials SET config = replace(config, '"subject":"', '"subject":"x') WHERE type = 'oidc'`)
	moved := config(env.Admin("GET", "/admin/identities/"+id+"?include_credential=oidc", nil).JSON(), "oidc")["providers"].([]any)[0].(object)
	require.Equal(t, "", moved["initial_access_token"])
}
