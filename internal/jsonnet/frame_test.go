package jsonnet

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFramesComeBackWhole(t *testing.T) {
	want := request{Name: "x", Source: "<&>\u2028", Args: map[string]json.RawMessage{"ctx": json.RawMessage(`{"a":1}`)}}
	frame, err := encode(want)
	require.NoError(t, err)
	require.Contains(t, string(frame), "<&>")
	raw, err := readFrame(bytes.NewReader(frame), len(frame)-header)
	require.NoError(t, err)
	var got request
	require.NoError(t, json.Unmarshal(raw, &got))
	require.Equal(t, want, got)
	_, err = readFrame(bytes.NewReader(frame), len(frame)-header-1)
	require.ErrorContains(t, err, "at most")
	for cut := 1; cut < len(frame); cut++ {
		_, err = readFrame(bytes.NewReader(frame[:cut]), 1<<10)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	_, err = readFrame(bytes.NewReader(nil), 1<<10)
	require.ErrorIs(t, err, io.EOF)
}

func FuzzFrame(f *testing.F) {
	for _, v := range []any{answer{}, answer{Result: json.RawMessage(`{"a":[1]}`)}, answer{Fault: &Error{Line: 1, Reason: "x"}}, limits{Memory: 1}} {
		frame, err := encode(v)
		require.NoError(f, err)
		f.Add(frame)
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, '{'})
	f.Add([]byte{0, 0, 0, 2, '{', '}', 0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		const limit = 1 << 10
		r := bytes.NewReader(stream)
		for read := 0; ; {
			raw, err := readFrame(r, limit)
			if err != nil {
				if errors.Is(err, io.EOF) && read != len(stream) {
					t.Fatalf("the end after %d of %d bytes", read, len(stream))
				}
				return
			}
			if read += header + len(raw); len(raw) > limit || read > len(stream) {
				t.Fatalf("a frame of %d bytes", len(raw))
			}
			var a answer
			if json.Unmarshal(raw, &a) != nil {
				continue
			}
			again, err := encode(a)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := readFrame(bytes.NewReader(again), len(again)); err != nil {
				t.Fatal(err)
			}
		}
	})
}
