package scenarios

import (
	"embed"
	"io/fs"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/load"
	"inventariolab/lab/promote"
)

//go:embed es/*.txt
var spanish embed.FS

// Spanish lists the phrase books of all that the catalogue's reports say:
// its own, and those of what it judges and acts with. For lab/phrasebook.
func Spanish() []fs.FS {
	return []fs.FS{spanish, lab.Spanish, check.Spanish, load.Spanish, promote.Spanish}
}
