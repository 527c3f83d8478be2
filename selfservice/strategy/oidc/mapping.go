package oidc

// Mapping says what becomes of claims without Jsonnet: the field of each map
// is a dotted path, its value the name of a claim.
type Mapping struct {
	Traits, MetadataPublic, MetadataAdmin map[string]string
}
