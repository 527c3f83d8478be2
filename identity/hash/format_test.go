package hash_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity/hash"
	"github.com/foyer-id/foyer/internal/fail"
)

func TestSupported(t *testing.T) {
	for _, v := range vectors {
		require.NoError(t, hash.Supported(v.encoded), v.encoded)
	}
}

const (
	salt = "$c29tZXNhbHQ"
	key  = "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	tail = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
)

var hostile = []struct{ encoded, id string }{
	{"", "hash_format_unknown"},
	{"correct horse", "hash_format_unknown"},
	{"$argon2d$v=19$m=65536,t=2,p=1" + salt + key, "hash_format_unknown"},
	{"$ARGON2ID$v=19$m=65536,t=2,p=1" + salt + key, "hash_format_unknown"},
	{"$2x$05$" + tail, "hash_format_unknown"},
	{"$2$05$" + tail, "hash_format_unknown"},
	{"$1$salt$hash", "hash_format_unknown"},
	{"$argon2id$" + strings.Repeat("A", 1<<20), "hash_malformed"},
	{"$argon2id$" + strings.Repeat("$", 500), "hash_malformed"},
	{"$argon2id$m=65536,t=2,p=1" + salt + key, "hash_malformed"},
	{"$argon2id$v=16$m=65536,t=2,p=1" + salt + key, "hash_malformed"},
	{"$argon2id$v=19$m=65536,t=2" + salt + key, "hash_malformed"},
	{"$argon2id$v=19$m=65536,t=2,p=1,data=AAAA" + salt + key, "hash_malformed"},
	{"$argon2id$v=19$t=2,m=65536,p=1" + salt + key, "hash_malformed"},
	{"$argon2id$v=19$m=-1,t=2,p=1" + salt + key, "hash_malformed"},
	{"$argon2id$v=19$m=0x10,t=2,p=1" + salt + key, "hash_malformed"},
	{"$argon2id$v=19$m=99999999999999999999999,t=2,p=1" + salt + key, "hash_malformed"},
	{"$argon2id$v=19$m=65536,t=2,p=1" + salt + "=" + key, "hash_malformed"},
	{"$argon2id$v=19$m=65536,t=2,p=1$$", "hash_malformed"},
	{"$argon2id$v=19$m=65536,t=2,p=1$c29tZQ" + key, "hash_malformed"},
	{"$argon2id$v=19$m=65536,t=2,p=1" + salt + "$CTFh", "hash_malformed"},
	{"$argon2id$v=19$m=65536,t=2,p=1" + salt + "$" + strings.Repeat("A", 176), "hash_malformed"},
	{"$argon2id$v=19$m=4194304,t=1,p=1" + salt + key, "hash_parameters_refused"},
	{"$argon2id$v=19$m=1048577,t=1,p=1" + salt + key, "hash_parameters_refused"},
	{"$argon2id$v=19$m=4294967297,t=1,p=1" + salt + key, "hash_parameters_refused"},
	{"$argon2i$v=19$m=4194304,t=1,p=1" + salt + key, "hash_parameters_refused"},
	{"$argon2id$v=19$m=65536,t=11,p=1" + salt + key, "hash_parameters_refused"},
	{"$argon2id$v=19$m=65536,t=1000000000,p=1" + salt + key, "hash_parameters_refused"},
	{"$argon2id$v=19$m=65536,t=0,p=1" + salt + key, "hash_parameters_refused"},
	{"$argon2id$v=19$m=65536,t=2,p=0" + salt + key, "hash_parameters_refused"},
	{"$argon2id$v=19$m=65536,t=2,p=17" + salt + key, "hash_parameters_refused"},
	{"$argon2id$v=19$m=65536,t=2,p=257" + salt + key, "hash_parameters_refused"},
	{"$argon2id$v=19$m=0,t=2,p=1" + salt + key, "hash_parameters_refused"},
	{"$2a$31$" + tail, "hash_parameters_refused"},
	{"$2b$16$" + tail, "hash_parameters_refused"},
	{"$2y$03$" + tail, "hash_parameters_refused"},
	{"$2a$1$" + tail, "hash_malformed"},
	{"$2a$-5$" + tail, "hash_malformed"},
	{"$2a$05$" + tail + "x", "hash_malformed"},
	{"$2a$05$" + tail[1:], "hash_malformed"},
	{"$2a$05$" + tail[:52] + "=", "hash_malformed"},
	{"$2a$05$" + tail[:20] + "\x00" + tail[21:], "hash_malformed"},
}

func TestSupportedRefuses(t *testing.T) {
	for _, h := range hostile {
		begun := time.Now()
		err := hash.Supported(h.encoded)
		require.Less(t, time.Since(begun), 50*time.Millisecond, "a hostile hash must not be computed")
		refusal := fail.As(err)
		require.NotNil(t, refusal, "%.80q: %v", h.encoded, err)
		require.Equal(t, h.id, refusal.ID, "%.80q", h.encoded)
		require.Equal(t, fail.BadRequest, refusal.Kind)
		if len(h.encoded) > 20 {
			require.NotContains(t, refusal.Error(), h.encoded[10:20])
		}
	}
}

func FuzzSupported(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.encoded)
	}
	for _, h := range hostile {
		if len(h.encoded) < 2000 {
			f.Add(h.encoded)
		}
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		if err := hash.Supported(encoded); err != nil {
			require.NotNil(t, fail.As(err))
		}
	})
}
