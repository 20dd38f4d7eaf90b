package promote

import "embed"

// Spanish holds the phrase books of this package: its texts in Spanish, for
// lab/phrasebook.
//
//go:embed es/*.txt
var Spanish embed.FS
