package oidc

import (
	"golang.org/x/oauth2"
)

// kinds are the providers there are. Scopes are what a name and an address need.
var kinds = map[string]kind{
	"generic": {scopes: []string{"openid", "email", "profile"}},
	"google": {
		issuer: "https://accounts.google.com",
		scopes: []string{"openid", "email", "profile"},
		style:  oauth2.AuthStyleInParams,
	},
	"github": {
		oauth2: true,
		issuer: "https://github.com/login/oauth",
		auth:   "https://github.com/login/oauth/authorize", token: "https://github.com/login/oauth/access_token",
		userinfo: "https://api.github.com/user",
		scopes:   []string{"user:email"},
		style:    oauth2.AuthStyleInParams,
		claims: map[string]string{
			"sub": "id", "name": "name", "nickname": "login", "preferred_username": "login", "profile": "html_url",
			"picture": "avatar_url", "website": "blog",
		},
		amend: githubEmail,
	},
	"apple": {
		issuer:  "https://appleid.apple.com",
		scopes:  []string{"openid", "email", "name"},
		extra:   map[string]string{"response_mode": "form_post"},
		style:   oauth2.AuthStyleInParams,
		prepare: appleKey, secret: appleSecret, amend: appleName,
	},
}
