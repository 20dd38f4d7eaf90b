package report

import "github.com/yuin/goldmark/util"

// unescape resolves backslashes and entities as a renderer does.
func unescape(b []byte) []byte {
	return util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(b)))
}
