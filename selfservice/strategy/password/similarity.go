package password

import (
	"strings"
	"unicode/utf8"

	"github.com/foyer-id/foyer/identity"
)

// Bounds of the work a comparison may cost.
const (
	maxIdentifiers = 16
	maxCompared    = 256 // characters of each text
	minDistance    = 5   // edits that make a password another text
	minPiece       = 4   // characters of a common piece; fewer are in everything
)

// similar tells whether password is one of the identifiers, or an address's
// part before the @, but for a few edits, or whether more than half of it in
// one piece stands in one of them. Case and width do not count.
func similar(password string, identifiers []string) bool {
	p := cut(identity.Fold(cut(password)))
	for _, identifier := range identifiers[:min(len(identifiers), maxIdentifiers)] {
		id := cut(identity.Fold(cut(identifier)))
		if alike(p, id) {
			return true
		}
		if at := strings.LastIndexByte(id, '@'); at > 0 && alike(p, id[:at]) {
			return true
		}
	}
	return false
}

func cut(text string) string {
	for count, i := 0, 0; i < len(text); count++ {
		if count == maxCompared {
			return text[:i]
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
	}
	return text
}

func alike(password, identifier string) bool {
	p, id := []rune(password), []rune(identifier)
	return holdsHalf(identifier, password, len(p)) || near(p, id)
}

// holdsHalf tells whether more than half of password, a text of length
// characters, stands in identifier. A piece as long as that or longer begins
// with one of exactly that length, so trying those is enough.
func holdsHalf(identifier, password string, length int) bool {
	window := max(length/2+1, minPiece)
	if window > length {
		return false
	}
	end := 0
	for range window {
		end += runeSize(password[end:])
	}
	for start := 0; ; {
		if strings.Contains(identifier, password[start:end]) {
			return true
		}
		if end == len(password) {
			return false
		}
		start += runeSize(password[start:])
		end += runeSize(password[end:])
	}
}

func runeSize(text string) int {
	_, size := utf8.DecodeRuneInString(text)
	return size
}

// near tells whether fewer than minDistance edits turn a into b. Only cells
// that few edits can reach are computed. Texts so short that the edits would
// replace them altogether are not near.
func near(a, b []rune) bool {
	limit := min(minDistance, max(len(a), len(b)))
	if max(len(a)-len(b), len(b)-len(a)) >= limit {
		return false
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = min(j, limit)
	}
	for i := 1; i <= len(a); i++ {
		first, last := max(1, i-limit), min(len(b), i+limit)
		diagonal := row[first-1]
		// What lies left of the band is out of reach.
		row[first-1] = limit
		if first == 1 {
			row[0] = min(i, limit)
		}
		for j := first; j <= last; j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], min(cost, limit)
		}
	}
	return row[len(b)] < limit
}
