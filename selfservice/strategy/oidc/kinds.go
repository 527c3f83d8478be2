package oidc

import (
	"golang.org/x/oauth2"
)

// standard are the scopes of OpenID Connect that a name and an address need.
var standard = []string{"openid", "email", "profile"}

// kinds are the providers there are. Scopes are what a name and an address need.
var kinds = map[string]kind{
	"generic":  {scopes: standard},
	"keycloak": {scopes: standard},
	"hydra":    {scopes: standard},
	"ory":      {scopes: standard},
	"auth0":    {scopes: standard, prepare: slashedIssuer, amend: datedUpdate},
	"google": {
		issuer: "https://accounts.google.com",
		scopes: standard,
		again:  map[string]string{"prompt": "select_account"},
		style:  oauth2.AuthStyleInParams,
	},
	"apple": {
		issuer:  "https://appleid.apple.com",
		scopes:  []string{"openid", "email", "name"},
		extra:   map[string]string{"response_mode": "form_post"},
		style:   oauth2.AuthStyleInParams,
		prepare: appleKey, secret: appleSecret, amend: appleName,
	},
	"microsoft":  {scopes: standard, style: oauth2.AuthStyleInParams, prepare: microsoftTenant, amend: microsoftPerson},
	"gitlab":     {issuer: "https://gitlab.com", scopes: standard, prepare: ownIssuer},
	"slack":      {issuer: "https://slack.com", scopes: standard, style: oauth2.AuthStyleInParams, noPKCE: true, amend: slackTeam},
	"salesforce": {scopes: standard, style: oauth2.AuthStyleInParams, amend: datedUpdate},
	"netid": { // it sends what is asked for by name, and nothing else
		issuer: "https://broker.netid.de/",
		scopes: []string{"openid"},
		extra: map[string]string{"claims": `{"userinfo":{"email":{"essential":true},"email_verified":{"essential":true},` +
			`"given_name":{"essential":true},"family_name":{"essential":true}}}`},
		amend: joinedName,
	},
	"twitch": {
		issuer: "https://id.twitch.tv/oauth2",
		scopes: []string{"openid", "user:read:email"},
		extra:  map[string]string{"claims": `{"id_token":{"email":null,"email_verified":null,"picture":null,"preferred_username":null,"updated_at":null}}`},
		again:  map[string]string{"force_verify": "true"},
		style:  oauth2.AuthStyleInParams,
		amend:  datedUpdate,
	},
	"github":     github([]string{"user:email"}),
	"github-app": github(nil), // what it may read is a permission of the app
	"facebook": {
		oauth2: true, issuer: "https://www.facebook.com", style: oauth2.AuthStyleInParams,
		auth: "https://www.facebook.com/dialog/oauth", token: "https://graph.facebook.com/oauth/access_token",
		userinfo: "https://graph.facebook.com/me?fields=id,name,first_name,middle_name,last_name,email,picture.type(large),gender,birthday",
		scopes:   []string{"email", "public_profile"},
		again:    map[string]string{"auth_type": "reauthenticate"},
		claims: paths(`sub=id name given_name=first_name middle_name family_name=last_name last_name email picture=picture.data.url gender
			birthdate=birthday`),
		read: facebookPerson,
	},
	"discord": {
		oauth2: true, issuer: "https://discord.com", style: oauth2.AuthStyleInParams,
		auth: "https://discord.com/oauth2/authorize", token: "https://discord.com/api/oauth2/token", userinfo: "https://discord.com/api/users/@me",
		scopes: []string{"identify", "email"},
		again:  map[string]string{"prompt": "consent"},
		claims: paths(`sub=id name=global_name nickname=username preferred_username=username picture=avatar email email_verified=verified
			locale`),
		amend: discordPicture,
	},
	"spotify": { // says of itself that addresses are not verified
		oauth2: true, issuer: "https://accounts.spotify.com", style: oauth2.AuthStyleInHeader,
		auth: "https://accounts.spotify.com/authorize", token: "https://accounts.spotify.com/api/token", userinfo: "https://api.spotify.com/v1/me",
		scopes: []string{"user-read-email", "user-read-private"},
		again:  map[string]string{"show_dialog": "true"},
		claims: paths("sub=id name=display_name nickname=display_name email profile=external_urls.spotify picture=images.0.url"),
	},
	"linkedin": { // the API of before OpenID Connect
		oauth2: true, issuer: "https://www.linkedin.com", style: oauth2.AuthStyleInParams, noPKCE: true,
		auth: "https://www.linkedin.com/oauth/v2/authorization", token: "https://www.linkedin.com/oauth/v2/accessToken",
		userinfo: "https://api.linkedin.com/v2/me?projection=(id,localizedFirstName,localizedLastName,profilePicture(displayImage~:playableStreams))",
		scopes:   []string{"r_liteprofile", "r_emailaddress"},
		claims: paths(`sub=id given_name=localizedFirstName family_name=localizedLastName last_name=localizedLastName
			picture=profilePicture.displayImage~.elements.0.identifiers.0.identifier`),
		amend: linkedinEmail,
	},
	"linkedin_v2": { // its id_tokens have no nonce, so that userinfo counts
		oauth2: true, issuer: "https://www.linkedin.com/oauth", style: oauth2.AuthStyleInParams, noPKCE: true,
		auth: "https://www.linkedin.com/oauth/v2/authorization", token: "https://www.linkedin.com/oauth/v2/accessToken",
		userinfo: "https://api.linkedin.com/v2/userinfo",
		scopes:   standard,
	},
	"patreon": {
		oauth2: true, issuer: "https://www.patreon.com", style: oauth2.AuthStyleInParams,
		auth: "https://www.patreon.com/oauth2/authorize", token: "https://www.patreon.com/api/oauth2/token",
		userinfo: "https://www.patreon.com/api/oauth2/v2/identity?fields%5Buser%5D=email,first_name,full_name,image_url,is_email_verified,last_name,url",
		scopes:   []string{"identity", "identity[email]"},
		claims: paths(`sub=data.id name=data.attributes.full_name given_name=data.attributes.first_name family_name=data.attributes.last_name
			last_name=data.attributes.last_name email=data.attributes.email email_verified=data.attributes.is_email_verified
			picture=data.attributes.image_url profile=data.attributes.url`),
	},
	"x": { // OAuth 2.0; it tells an address only when it is confirmed
		oauth2: true, issuer: "https://x.com", style: oauth2.AuthStyleInHeader,
		auth: "https://x.com/i/oauth2/authorize", token: "https://api.x.com/2/oauth2/token",
		userinfo: "https://api.x.com/2/users/me?user.fields=confirmed_email,id,name,profile_image_url,url,username",
		scopes:   []string{"users.read", "tweet.read", "users.email"},
		claims: paths(`sub=data.id name=data.name nickname=data.username preferred_username=data.username picture=data.profile_image_url
			website=data.url email=data.confirmed_email`),
		amend: confirmedEmail,
	},
	"yandex": {
		oauth2: true, issuer: "https://oauth.yandex.com", style: oauth2.AuthStyleInParams,
		auth: "https://oauth.yandex.com/authorize", token: "https://oauth.yandex.com/token", userinfo: "https://login.yandex.ru/info?format=json",
		scopes: []string{"login:email", "login:info", "login:avatar"},
		again:  map[string]string{"force_confirm": "yes"},
		claims: paths(`sub=id name=real_name given_name=first_name family_name=last_name last_name nickname=login preferred_username=login
			email=default_email phone_number=default_phone.number gender=sex birthdate=birthday picture=default_avatar_id`),
		read: yandexPerson, amend: yandexPicture,
	},
	"vk": { // VK ID, which took the place of oauth.vk.com
		oauth2: true, issuer: "https://id.vk.com",
		auth: "https://id.vk.com/authorize", token: "https://id.vk.com/oauth2/auth", userinfo: "https://id.vk.com/oauth2/user_info",
		scopes: []string{"email"},
		claims: paths(`sub=user.user_id given_name=user.first_name family_name=user.last_name last_name=user.last_name email=user.email
			phone_number=user.phone picture=user.avatar birthdate=user.birthday gender=user.sex`),
		exchange: vkTokens, read: vkPerson, amend: vkAmend,
	},
	"dingtalk": {
		oauth2: true, issuer: "https://login.dingtalk.com",
		auth: "https://login.dingtalk.com/oauth2/auth", token: "https://api.dingtalk.com/v1.0/oauth2/userAccessToken",
		userinfo: "https://api.dingtalk.com/v1.0/contact/users/me",
		scopes:   []string{"openid"},
		extra:    map[string]string{"prompt": "consent"},
		claims:   paths("sub=openId name=nick nickname=nick picture=avatarUrl email"),
		exchange: dingtalkTokens, read: dingtalkPerson,
	},
	"lark": { // Feishu; larksuite.com by the URLs of Settings
		oauth2: true, issuer: "https://passport.feishu.cn", style: oauth2.AuthStyleInParams,
		auth: "https://passport.feishu.cn/suite/passport/oauth/authorize", token: "https://passport.feishu.cn/suite/passport/oauth/token",
		userinfo: "https://passport.feishu.cn/suite/passport/oauth/userinfo",
		claims:   paths("sub=open_id name nickname=en_name email phone_number=mobile picture"),
	},
	"line": { // signs id_tokens with the secret of the channel, and reads them for those who ask
		oauth2: true, issuer: "https://access.line.me", style: oauth2.AuthStyleInParams,
		auth: "https://access.line.me/oauth2/v2.1/authorize", token: "https://api.line.me/oauth2/v2.1/token", userinfo: "https://api.line.me/oauth2/v2.1/verify",
		scopes: standard,
		again:  map[string]string{"disable_auto_login": "true"},
		read:   linePerson,
	},
	"jackson": { // what it calls itself is a setting of its own, so that userinfo counts
		oauth2: true, style: oauth2.AuthStyleInParams, prepare: jacksonURLs,
		claims: paths("sub=id given_name=firstName family_name=lastName last_name=lastName email"),
		amend:  joinedName,
	},
	"amazon": {
		oauth2: true, issuer: "https://www.amazon.com", style: oauth2.AuthStyleInParams,
		auth: "https://www.amazon.com/ap/oa", token: "https://api.amazon.com/auth/o2/token", userinfo: "https://api.amazon.com/user/profile",
		scopes: []string{"profile"},
		claims: paths("sub=user_id name email"),
	},
	"uaepass": {
		oauth2: true, issuer: "https://id.uaepass.ae", style: oauth2.AuthStyleInHeader,
		auth: "https://id.uaepass.ae/idshub/authorize", token: "https://id.uaepass.ae/idshub/token", userinfo: "https://id.uaepass.ae/idshub/userinfo",
		scopes: []string{"urn:uae:digitalid:profile:general"},
		extra:  map[string]string{"acr_values": "urn:safelayer:tws:policies:authentication:level:low"},
		claims: paths("sub name=fullnameEN given_name=firstnameEN family_name=lastnameEN last_name=lastnameEN email phone_number=mobile gender"),
		amend:  uaepassPerson,
	},
}

// unsupported are kinds that others have and why they are none here.
var unsupported = map[string]string{
	"fedcm-test": "fedcm-test is for the tests of those who made it, and signs nobody in",
}
