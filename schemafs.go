// Package foyer holds the published JSON schemas, because go:embed cannot
// reach up out of a folder. The program is in cmd.
package foyer

import "embed"

// Schemas is the folder .schema.
//
//go:embed .schema/*.json
var Schemas embed.FS
