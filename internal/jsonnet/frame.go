package jsonnet

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// limits is the first frame a child gets.
type limits struct {
	Memory int64 `json:"memory"` // bytes
	CPU    int64 `json:"cpu"`    // seconds for an evaluation
	Input  int   `json:"input"`  // bytes of a request
	Output int   `json:"output"` // bytes of a result
}

// request is what a child evaluates.
type request struct {
	Name   string                     `json:"name"`
	Source string                     `json:"source"`
	Args   map[string]json.RawMessage `json:"args,omitempty"`
	Vars   map[string]json.RawMessage `json:"vars,omitempty"`
	Object bool                       `json:"object,omitempty"`
	Check  bool                       `json:"check,omitempty"` // parse only
}

// answer has one of its fields, or none: the child is ready, the program parses.
type answer struct {
	Result json.RawMessage `json:"result,omitempty"`
	Fault  *Error          `json:"fault,omitempty"`
	Stop   string          `json:"stop,omitempty"` // one of the stops
}

// The reasons for which a child gives up an evaluation. After all but
// stopLarge it ends.
const (
	stopTime   = "time"
	stopMemory = "memory"
	stopLarge  = "large"
	stopCrash  = "crash"
)

const (
	// maxLimits bounds the first frame.
	maxLimits = 1 << 10
	// answerRoom is what an answer needs beside its result.
	answerRoom = 16 << 10
	header     = 4
)

// encode returns v as a frame: the length of its JSON in four bytes, big-endian, then the JSON.
func encode(v any) ([]byte, error) {
	buffer := bytes.NewBuffer(make([]byte, header, 1024))
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	frame := buffer.Bytes()
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-header))
	return frame, nil
}

// readFrame returns the JSON of the next frame, at most limit bytes. It returns
// io.EOF only where no frame has begun.
func readFrame(r io.Reader, limit int) ([]byte, error) {
	var head [header]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if uint64(length) > uint64(limit) {
		return nil, fmt.Errorf("a frame of %d bytes, at most %d are allowed", length, limit)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return body, nil
}
