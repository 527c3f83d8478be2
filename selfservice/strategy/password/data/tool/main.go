// Command tool makes the list of common passwords from lists given on standard
// input as JSON arrays of strings, and writes it packed to standard output.
// Entries are folded, sorted and kept once.
package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var words []string
	for lists := json.NewDecoder(in); ; {
		var list []string
		err := lists.Decode(&list)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		words = append(words, list...)
	}
	for i, word := range words {
		// Beyond ASCII, folding needs more than lower case.
		if strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("entry %d is not printable ASCII: %q", i, word)
		}
		words[i] = strings.ToLower(word)
	}
	slices.Sort(words)
	words = slices.Compact(words)

	packed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	for _, word := range words {
		if _, err := packed.Write([]byte(word + "\n")); err != nil {
			return err
		}
	}
	return packed.Close()
}
