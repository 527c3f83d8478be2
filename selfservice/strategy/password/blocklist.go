package password

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the list
	"io"
	"sort"
	"strings"
	"sync"

	"github.com/foyer-id/foyer/identity"
)

// The list of data/README.md: one folded password a line, in ascending order.
//
//go:embed data/common.txt.gz
var commonPacked []byte

// wordlist is a sorted list of words kept as one text, so that a look-up is
// exact and the whole costs little more than its letters.
type wordlist struct {
	text   string
	starts []uint32 // where each word begins, and the end of the text
}

// common is unpacked at the first look-up, once.
var common = sync.OnceValue(func() wordlist {
	packed, err := gzip.NewReader(bytes.NewReader(commonPacked))
	if err != nil {
		panic("password: embedded list: " + err.Error())
	}
	text, err := io.ReadAll(packed)
	if err != nil {
		panic("password: embedded list: " + err.Error())
	}
	return newWordlist(string(text))
})

func newWordlist(text string) wordlist {
	l := wordlist{text: text, starts: make([]uint32, 0, strings.Count(text, "\n")+1)}
	for at := 0; at < len(text); at += strings.IndexByte(text[at:], '\n') + 1 {
		l.starts = append(l.starts, uint32(at))
	}
	l.starts = append(l.starts, uint32(len(text)))
	return l
}

func (l wordlist) len() int { return len(l.starts) - 1 }

func (l wordlist) word(i int) string { return l.text[l.starts[i] : l.starts[i+1]-1] }

func (l wordlist) has(word string) bool {
	i := sort.Search(l.len(), func(i int) bool { return l.word(i) >= word })
	return i < l.len() && l.word(i) == word
}

// listed tells whether password is commonly used: on the list, or one of the
// patterns the list leaves out. Case and width do not count.
func listed(password string) bool {
	folded := identity.Fold(password)
	return common().has(folded) || pattern(folded)
}
