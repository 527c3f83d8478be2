package hash_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity/hash"
)

func TestCheck(t *testing.T) {
	argon := func(memory, iterations uint32, parallelism uint8, salt, key uint32) func(*hash.Config) {
		return func(c *hash.Config) {
			c.Argon2 = hash.Argon2{Memory: memory, Iterations: iterations, Parallelism: parallelism, SaltLength: salt, KeyLength: key}
		}
	}
	bcryptCost := func(cost int) func(*hash.Config) {
		return func(c *hash.Config) { c.Algorithm, c.BcryptCost = hash.BCrypt, cost }
	}
	const memory, iterations = "hashers.argon2.memory", "hashers.argon2.iterations"
	for name, tc := range map[string]struct {
		change func(*hash.Config)
		key    string // of the fault; empty: fine
		dev    bool   // fine with Dev
	}{
		"defaults":              {change: func(*hash.Config) {}},
		"46 MiB once":           {change: argon(46<<10, 1, 1, 16, 32)},
		"under 46 MiB once":     {change: argon(46<<10-1, 1, 1, 16, 32), key: memory, dev: true},
		"19 MiB twice":          {change: argon(19<<10, 2, 1, 16, 32)},
		"under 19 MiB twice":    {change: argon(19<<10-1, 2, 1, 16, 32), key: memory, dev: true},
		"12 MiB thrice":         {change: argon(12<<10, 3, 1, 16, 32)},
		"under 12 MiB thrice":   {change: argon(12<<10-1, 3, 1, 16, 32), key: memory, dev: true},
		"9 MiB, 4 passes":       {change: argon(9<<10, 4, 1, 16, 32)},
		"under 9 MiB, 4":        {change: argon(9<<10-1, 4, 1, 16, 32), key: memory, dev: true},
		"7 MiB, 5 passes":       {change: argon(7<<10, 5, 1, 16, 32)},
		"7 MiB, 10 passes":      {change: argon(7<<10, 10, 1, 16, 32)},
		"under 7 MiB, 10":       {change: argon(7<<10-1, 10, 1, 16, 32), key: memory, dev: true},
		"no memory":             {change: argon(0, 2, 1, 16, 32), key: memory},
		"memory under 8 lanes":  {change: argon(64, 2, 16, 16, 32), key: memory},
		"over 1 GiB":            {change: argon(1<<20+1, 2, 1, 16, 32), key: memory},
		"no pass":               {change: argon(46<<10, 0, 1, 16, 32), key: iterations},
		"11 passes":             {change: argon(46<<10, 11, 1, 16, 32), key: iterations},
		"no lane":               {change: argon(46<<10, 2, 0, 16, 32), key: "hashers.argon2.parallelism"},
		"17 lanes":              {change: argon(46<<10, 2, 17, 16, 32), key: "hashers.argon2.parallelism"},
		"short salt":            {change: argon(19<<10, 2, 1, 15, 32), key: "hashers.argon2.salt_length", dev: true},
		"short key":             {change: argon(19<<10, 2, 1, 16, 15), key: "hashers.argon2.key_length"},
		"long key":              {change: argon(19<<10, 2, 1, 16, 129), key: "hashers.argon2.key_length"},
		"bcrypt 12":             {change: bcryptCost(12)},
		"bcrypt 15":             {change: bcryptCost(15)},
		"bcrypt 11":             {change: bcryptCost(11), key: "hashers.bcrypt.cost", dev: true},
		"bcrypt 16":             {change: bcryptCost(16), key: "hashers.bcrypt.cost"},
		"bcrypt 3":              {change: bcryptCost(3), key: "hashers.bcrypt.cost"},
		"unknown algorithm":     {change: func(c *hash.Config) { c.Algorithm = "md5" }, key: "hashers.algorithm"},
		"no algorithm":          {change: func(c *hash.Config) { c.Algorithm = "" }, key: "hashers.algorithm"},
		"budget under one hash": {change: func(c *hash.Config) { c.Budget = 19 << 20 }, key: "hashers.argon2.dedicated_memory"},
		"negative wait":         {change: func(c *hash.Config) { c.MaxWait = -time.Second }, key: "hashers.max_wait"},
	} {
		t.Run(name, func(t *testing.T) {
			c := hash.Defaults()
			// Large enough that only the case about the budget meets it.
			c.Budget = 4 << 30
			tc.change(&c)
			err := c.Check()
			if tc.key == "" {
				require.NoError(t, err)
			} else {
				var fault *hash.KeyError
				require.ErrorAs(t, err, &fault)
				require.Equal(t, tc.key, fault.Key)
				require.ErrorContains(t, err, tc.key+": ")
				_, refused := hash.New(c)
				require.Equal(t, err, refused)
			}
			c.Dev = true
			if tc.key == "" || tc.dev {
				require.NoError(t, c.Check())
			} else {
				require.Error(t, c.Check())
			}
		})
	}
}

func TestCheckNamesEveryFault(t *testing.T) {
	c := hash.Defaults()
	c.Argon2 = hash.Argon2{Memory: 1, Iterations: 99, Parallelism: 1, SaltLength: 1, KeyLength: 1}
	err := c.Check()
	for _, key := range []string{"memory", "iterations", "salt_length", "key_length"} {
		require.ErrorContains(t, err, "hashers.argon2."+key)
	}
	require.Error(t, hash.Config{}.Check())
}

func TestHashesAtOnce(t *testing.T) {
	slots := func(budget uint64) int {
		c := hash.Defaults()
		c.Budget = budget
		h, err := hash.New(c)
		require.NoError(t, err)
		return h.Slots()
	}
	cores := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(cores)
	require.Equal(t, 4, slots(256<<20))
	require.Equal(t, 3, slots(60<<20))
	require.Equal(t, 1, slots(20<<20))
}
