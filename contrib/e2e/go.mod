module github.com/foyer-id/foyer/contrib/e2e

go 1.26.0

require (
	github.com/ory/client-go v1.22.92
	github.com/stretchr/testify v1.12.1
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
)
