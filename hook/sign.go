package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A secret has 24 to 64 bytes, as Standard Webhooks asks.
const (
	minSecret = 24
	maxSecret = 64
)

// Signer signs what is sent in the form of Standard Webhooks. It is safe for
// use by many callers at once.
type Signer struct {
	keys [][]byte
}

// ParseSigner reads secrets as they stand in a configuration: "whsec_" and the
// secret's bytes in base64. While a secret is replaced there are two, the new
// one first. An error tells which secret is wrong and never quotes one.
func ParseSigner(secrets []string) (*Signer, error) {
	if len(secrets) == 0 {
		return nil, errors.New("there is no secret to sign with")
	}
	s := &Signer{}
	for i, secret := range secrets {
		encoded, ok := strings.CutPrefix(secret, "whsec_")
		if !ok {
			return nil, fmt.Errorf("secret %d does not begin with whsec_", i+1)
		}
		// Other alphabets and line breaks are refused: receivers decode strictly.
		key, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || strings.ContainsAny(encoded, "\r\n") {
			return nil, fmt.Errorf("secret %d is not base64 (with padding) after whsec_", i+1)
		}
		if len(key) < minSecret || len(key) > maxSecret {
			return nil, fmt.Errorf("secret %d has %d bytes, but must have %d to %d", i+1, len(key), minSecret, maxSecret)
		}
		s.keys = append(s.keys, key)
	}
	return s, nil
}

// Sign returns the header webhook-signature for a body: one signature for each
// secret, in the order of the secrets. id and the seconds of at are sent beside
// it, as webhook-id and webhook-timestamp; id contains no dot.
func (s *Signer) Sign(id string, at time.Time, body []byte) string {
	all := make([]string, len(s.keys))
	for i, key := range s.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		all[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(all, " ")
}
