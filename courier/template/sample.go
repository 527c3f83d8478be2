package template

import (
	"maps"

	"github.com/foyer-id/foyer/courier"
)

// Sample returns data as a message of that name has it, for previews and for
// trying templates out. Nobody in it exists.
func Sample(name string) courier.Data {
	d := courier.Data{
		"to":          "ada@example.org",
		"request_url": "https://accounts.example.org/self-service/registration/browser",
		"transient_payload": map[string]any{
			"campaign": "autumn",
		},
		"identity": map[string]any{
			"id":        "6f1d2c9e-3b0a-4d57-9a43-8f2c4f1b7e60",
			"schema_id": "default",
			"state":     "active",
			"traits":    sampleTraits(),
		},
		"traits": sampleTraits(),
		"oauth2_login_request": map[string]any{
			"challenge": "7c1f",
			"client": map[string]any{
				"client_id": "shop", "client_name": "The Shop", "client_uri": "https://shop.example.org", "logo_uri": "https://shop.example.org/logo.png",
				"metadata": map[string]any{},
			},
		},
	}
	maps.Copy(d, bare(name))
	return d
}

func sampleTraits() map[string]any {
	return map[string]any{"email": "ada@example.org", "phone": "+4930123456", "name": map[string]any{"first": "Ada", "last": "Lovelace"}}
}

// bare is the least that a message of that name is sent with.
func bare(name string) courier.Data {
	m, _ := messageOf(name)
	d := courier.Data{"to": "ada@example.org"}
	if m.code != "" {
		d[m.code] = "482915"
	}
	if m.url != "" {
		d[m.url] = "https://accounts.example.org/self-service/" + flowOf[m.name] + "?flow=2f9f7e0c-6a41-4f0e-9a57-0d8b8a1c3f55&token=Vh2kQ9Zt4mYc7LxNpR0sWb3uFgJ6eDa1"
	}
	if m.code != "" || m.url != "" {
		d["expires_in_minutes"] = 10
	}
	return d
}

// flowOf says which flow a link leads to.
var flowOf = map[string]string{
	"verification_code_valid": "verification", "verification_valid": "verification",
	"registration_code_valid": "registration", "recovery_code_valid": "recovery", "recovery_valid": "recovery",
}
