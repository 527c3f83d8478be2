package hash_test

import (
	"runtime"
	"slices"
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
	{"$2x$31$" + tail, "hash_parameters_refused"},
	{"$2z$05$" + tail, "hash_format_unknown"},

	{"$pbkdf2-md5$i=1000,l=16" + salt + sum16, "hash_format_unknown"},
	{"$pbkdf2-sha256$i=1000000000,l=32" + salt + key, "hash_parameters_refused"},
	{"$pbkdf2-sha256$i=10000001,l=32" + salt + key, "hash_parameters_refused"},
	{"$pbkdf2-sha256$i=0,l=32" + salt + key, "hash_parameters_refused"},
	{"$pbkdf2-sha256$i=1000,l=4294967296" + salt + key, "hash_parameters_refused"},
	{"$pbkdf2-sha256$i=10000000,l=128" + salt + "$" + strings.Repeat("A", 171), "hash_parameters_refused"},
	{"$pbkdf2-sha256$i=1000,l=8" + salt + "$AAAAAAAAAAA", "hash_parameters_refused"},
	{"$pbkdf2-sha256$i=1000,l=31" + salt + key, "hash_malformed"},
	{"$pbkdf2-sha256$i=1000,l=32$" + key, "hash_malformed"},
	{"$pbkdf2-sha256$i=1000,l=32" + salt + "$", "hash_malformed"},
	{"$pbkdf2-sha256$i=1000,l=32" + salt + key + "=", "hash_malformed"},
	{"$pbkdf2-sha256$i=1000,l=32" + salt + key[:43] + "d", "hash_malformed"},
	{"$pbkdf2-sha256$i=1e3,l=32" + salt + key, "hash_malformed"},
	{"$pbkdf2-sha256$" + salt + key, "hash_malformed"},

	{"$scrypt$ln=1073741824,r=8,p=1" + salt + "=" + key + "=", "hash_parameters_refused"},
	{"$scrypt$ln=262144,r=8,p=1" + salt + "=" + key + "=", "hash_parameters_refused"},
	{"$scrypt$ln=16385,r=8,p=1" + salt + "=" + key + "=", "hash_parameters_refused"},
	{"$scrypt$ln=14,r=8,p=1" + salt + "=" + key + "=", "hash_parameters_refused"},
	{"$scrypt$ln=0,r=8,p=1" + salt + "=" + key + "=", "hash_parameters_refused"},
	{"$scrypt$ln=1,r=8,p=1" + salt + "=" + key + "=", "hash_parameters_refused"},
	{"$scrypt$ln=16384,r=9,p=1" + salt + "=" + key + "=", "hash_parameters_refused"},
	{"$scrypt$ln=16384,r=8,p=1073741824" + salt + "=" + key + "=", "hash_parameters_refused"},
	{"$scrypt$ln=16384,r=0,p=0" + salt + "=" + key + "=", "hash_parameters_refused"},
	{"$scrypt$ln=16384,r=8,p=1" + salt + key, "hash_malformed"},
	{"$scrypt$ln=16384,r=8,p=1$" + key + "=", "hash_malformed"},
	{"$scrypt$ln=16384,r=8,p=1" + salt + "=$", "hash_malformed"},
	{"$scrypt$ln=16384,r=8,p=1" + salt + "=$AAAA", "hash_malformed"},

	{"$firescrypt$ln=63,r=8,p=1" + salt + "=" + key + "=$Bw==" + key + "=", "hash_parameters_refused"},
	{"$firescrypt$ln=64,r=8,p=1" + salt + "=" + key + "=$Bw==" + key + "=", "hash_parameters_refused"},
	{"$firescrypt$ln=18,r=8,p=1" + salt + "=" + key + "=$Bw==" + key + "=", "hash_parameters_refused"},
	{"$firescrypt$ln=0,r=8,p=1" + salt + "=" + key + "=$Bw==" + key + "=", "hash_parameters_refused"},
	{"$firescrypt$ln=14,r=8,p=11" + salt + "=" + key + "=$Bw==" + key + "=", "hash_parameters_refused"},
	{"$firescrypt$ln=14,r=8,p=1$" + key + "=$Bw==" + key + "=", "hash_malformed"},
	{"$firescrypt$ln=14,r=8,p=1" + salt + "=$$Bw==" + key + "=", "hash_malformed"},
	{"$firescrypt$ln=14,r=8,p=1" + salt + "=" + key + "=$Bw==$", "hash_malformed"},
	{"$firescrypt$ln=14,r=8,p=1" + salt + "=" + key + "=$Bw==" + sum16, "hash_malformed"},
	{"$firescrypt$ln=14,r=8,p=1" + salt + "=" + key + "=", "hash_malformed"},

	{"{SSHA}", "hash_malformed"},
	{"{SSHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "hash_malformed"},
	{"{SSHA}AAAAAAAAAAAAAAAAAAAAAAAAAAB", "hash_malformed"},
	{"{SSHA}" + strings.Repeat("A", 1018) + "====", "hash_malformed"},
	{"{SSHA}JFZFs0oHzxbMwkSJmYVeI8MnTDy/\n276a", "hash_malformed"},
	{"{SSHA384}AAAA", "hash_format_unknown"},
	{"{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "hash_format_unknown"},
	{"{ssha}JFZFs0oHzxbMwkSJmYVeI8MnTDy/276a", "hash_format_unknown"},

	{"$sha1$pf=e1NBTFR9$c2FsdA==$2qU2SGWP8viTM1md3FiI3+rjWXQ=", "hash_malformed"},
	{"$sha1$pf=$c2FsdA==$2qU2SGWP8viTM1md3FiI3+rjWXQ=", "hash_malformed"},
	{"$sha1$e1BBU1NXT1JEfQ==$c2FsdA==$2qU2SGWP8viTM1md3FiI3+rjWXQ=", "hash_malformed"},
	{"$sha1$pf=e1NBTFR9e1BBU1NXT1JEfQ==$$2qU2SGWP8viTM1md3FiI3+rjWXQ=", "hash_malformed"},
	{"$sha1$pf=e1NBTFR9e1BBU1NXT1JEfQ==$c2FsdA==$", "hash_malformed"},
	{"$sha1$pf=e1NBTFR9e1BBU1NXT1JEfQ==$c2FsdA$2qU2SGWP8viTM1md3FiI3+rjWXQ=", "hash_malformed"},
	{"$sha256$pf=e1NBTFR9e1BBU1NXT1JEfQ==$c2FsdA==$2qU2SGWP8viTM1md3FiI3+rjWXQ=", "hash_malformed"},
	{"$sha224$pf=e1BBU1NXT1JEfQ==$c2FsdA==$2qU2SGWP8viTM1md3FiI3+rjWXQ=", "hash_format_unknown"},
	{"$sha256$" + sum16, "hash_malformed"},

	{"$md5$", "hash_malformed"},
	{"$md5$CY9rzUYh03PK3k6DJie09h==", "hash_malformed"},
	{"$md5$CY9rzUYh03PK3k6DJie09g", "hash_malformed"},
	{"$md5$098f6bcd4621d373cade4e832627b4f6", "hash_malformed"},
	{"$md5$CY9rzUYh03PK3k6DJie09g==$", "hash_malformed"},
	{"$md5$pf=MTIz$MTIz$CY9rzUYh03PK3k6DJie09g==", "hash_malformed"},
	{"$md5$CY9rzUYh03P\x00K3k6DJie09g==", "hash_malformed"},

	{"$md5-crypt$$", "hash_malformed"},
	{"$md5-crypt$whuMjZj.HMFoaTaZRRtkO0", "hash_malformed"},
	{"$md5-crypt$longerthan8$whuMjZj.HMFoaTaZRRtkO0", "hash_malformed"},
	{"$md5-crypt$salt$whuMjZj.HMFoaTaZRRtkOz", "hash_malformed"},
	{"$md5-crypt$salt$whuMjZj-HMFoaTaZRRtkO0", "hash_malformed"},
	{"$sha256-crypt$rounds=1000000000$saltstring$" + crypt256, "hash_parameters_refused"},
	{"$sha256-crypt$rounds=1000001$saltstring$" + crypt256, "hash_parameters_refused"},
	{"$sha256-crypt$rounds=999$saltstring$" + crypt256, "hash_parameters_refused"},
	{"$sha256-crypt$rounds=-1$saltstring$" + crypt256, "hash_malformed"},
	{"$sha256-crypt$rounds=1000$$" + crypt256, "hash_malformed"},
	{"$sha256-crypt$rounds=1000$seventeen letters$" + crypt256, "hash_malformed"},
	{"$sha256-crypt$rounds=1000$seventeen_letters$" + crypt256, "hash_malformed"},
	{"$sha256-crypt$saltstring$", "hash_malformed"},
	{"$sha512-crypt$saltstring$" + crypt256, "hash_malformed"},
	{"$5$saltstring$" + crypt256, "hash_format_unknown"},

	{"$hmac-md5$NzUwYzc4M2U2YWIwYjUwM2VhYTg2ZTMxMGE1ZGI3Mzg=$", "hash_malformed"},
	{"$hmac-md5$NzUwYzc4M2U2YWIwYjUwM2VhYTg2ZTMxMGE1ZGI3Mzg=", "hash_malformed"},
	{"$hmac-md5$$SmVmZQ==", "hash_malformed"},
	{"$hmac-md5$" + sum16 + "$SmVmZQ==", "hash_malformed"},
	{"$hmac-md5$NzUwQzc4M2U2YWIwYjUwM2VhYTg2ZTMxMGE1ZGI3Mzg=$SmVmZQ==", "hash_malformed"},
	{"$hmac-sha1$NzUwYzc4M2U2YWIwYjUwM2VhYTg2ZTMxMGE1ZGI3Mzg=$SmVmZQ==", "hash_malformed"},
	{"$hmac-sha3$NzUwYzc4M2U2YWIwYjUwM2VhYTg2ZTMxMGE1ZGI3Mzg=$SmVmZQ==", "hash_format_unknown"},
}

const (
	sum16    = "$CY9rzUYh03PK3k6DJie09g=="
	crypt256 = "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"
)

// TestEveryFormatHasAVector keeps the tables together.
func TestEveryFormatHasAVector(t *testing.T) {
	for _, prefix := range hash.Prefixes() {
		require.True(t, slices.ContainsFunc(vectors, func(v struct{ password, encoded string }) bool {
			return strings.HasPrefix(v.encoded, prefix)
		}), prefix)
	}
}

func TestSupportedRefuses(t *testing.T) {
	for _, h := range hostile {
		var err error
		begun := time.Now()
		allocated := bytesOf(func() { err = hash.Supported(h.encoded) })
		require.Less(t, time.Since(begun), 10*time.Millisecond, "a hostile hash must not be computed: %.80q", h.encoded)
		require.Less(t, allocated, uint64(64<<10), "nor room be made for it: %.80q", h.encoded)
		refusal := fail.As(err)
		require.NotNil(t, refusal, "%.80q: %v", h.encoded, err)
		require.Equal(t, h.id, refusal.ID, "%.80q", h.encoded)
		require.Equal(t, fail.BadRequest, refusal.Kind)
		if len(h.encoded) > 20 {
			require.NotContains(t, refusal.Error(), h.encoded[10:20])
		}
	}
}

// bytesOf returns how much do allocates, and whatever runs beside it.
func bytesOf(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
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
	h, err := hash.New(cheap())
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, encoded string) {
		if err := hash.Supported(encoded); err != nil {
			require.NotNil(t, fail.As(err))
			return
		}
		// What has no cost to choose is computed too.
		if !strings.Contains(encoded, ",") && !strings.Contains(encoded, "rounds=") && !strings.HasPrefix(encoded, "$2") {
			_, outdated, err := h.Verify(t.Context(), []byte("correct horse"), encoded)
			require.NoError(t, err)
			require.True(t, outdated)
		}
	})
}
