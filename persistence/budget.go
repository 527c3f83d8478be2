package persistence

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"slices"
	"time"

	"github.com/foyer-id/foyer/selfservice"
)

const (
	sqlBudget       = `SELECT stamps FROM budgets WHERE subject = ?`
	sqlUpdateBudget = `UPDATE budgets SET stamps = ?, expires_at = ? WHERE subject = ?`
	sqlSetStamps    = `UPDATE budgets SET stamps = ? WHERE subject = ?`
	sqlInsertBudget = `INSERT INTO budgets (subject, expires_at) VALUES (?, ?)`
	orNothing       = ` ON CONFLICT (subject) DO NOTHING`
	// INSERT IGNORE would take a lock that two can hold and neither can raise.
	orNothingMySQL = ` ON DUPLICATE KEY UPDATE subject = subject`
)

// SpendBudget takes one from the budget of subject, or reports false and
// records nothing. It locks the subject's row until the end of the transaction.
// A subject has to come with the same limits each time: what they do not look
// at is forgotten.
func (s *Store) SpendBudget(ctx context.Context, subject []byte, at time.Time, limits []selfservice.Limit) (spent bool, err error) {
	if len(limits) == 0 {
		return true, nil
	}
	key := sha256.Sum256(subject) // of one length, whatever the subject
	err = s.Tx(ctx, func(ctx context.Context) error {
		c := s.unitOf(ctx).conn()
		stamps, err := s.lockBudget(ctx, c, key[:], at)
		if err != nil {
			return err
		}
		var expires time.Time
		if stamps, expires, spent = spend(stamps, at, limits); !spent {
			return nil
		}
		_, err = c.exec(ctx, sqlUpdateBudget, packStamps(stamps), micros(expires), key[:])
		return err
	})
	return spent && err == nil, wrap("spend a budget", err)
}

// ReturnBudget gives back what SpendBudget took at that time. Where nothing was
// taken then, it does nothing.
func (s *Store) ReturnBudget(ctx context.Context, subject []byte, at time.Time) error {
	key := sha256.Sum256(subject)
	err := s.Tx(ctx, func(ctx context.Context) error {
		c := s.unitOf(ctx).conn()
		stamps, err := s.lockBudget(ctx, c, key[:], at)
		if err != nil {
			return err
		}
		place, found := slices.BinarySearch(stamps, at.UnixMicro())
		if !found {
			return nil
		}
		stamps = slices.Delete(stamps, place, place+1)
		_, err = c.exec(ctx, sqlSetStamps, packStamps(stamps), key[:])
		return err
	})
	return wrap("give back of a budget", err)
}

// lockBudget reads the row of a subject, which it makes where there is none.
// Of two that make it at once one waits, and then finds the other's.
func (s *Store) lockBudget(ctx context.Context, c conn, key []byte, at time.Time) ([]int64, error) {
	insert := sqlInsertBudget + orNothing
	if s.src.dialect == dialectMySQL {
		insert = sqlInsertBudget + orNothingMySQL
	}
	for {
		var packed []byte
		found := false
		err := c.query(ctx, s.locking(sqlBudget, forUpdate), []any{key}, func(rows *sql.Rows) error {
			found = true
			return rows.Scan(&packed)
		})
		if err != nil || found {
			return unpackStamps(packed), err
		}
		if _, err := c.exec(ctx, insert, key, micros(at)); err != nil {
			return nil, err
		}
	}
}

// spend adds at to the stamps, which are in ascending order, unless a limit is
// reached. Stamps later than at, of a server whose clock is ahead, count too.
func spend(stamps []int64, at time.Time, limits []selfservice.Limit) (kept []int64, expires time.Time, ok bool) {
	now, most, longest := at.UnixMicro(), 0, time.Duration(0)
	for _, l := range limits {
		past, _ := slices.BinarySearch(stamps, now-l.Per.Microseconds()+1)
		if len(stamps)-past >= l.Count {
			return nil, time.Time{}, false
		}
		most, longest = max(most, l.Count), max(longest, l.Per)
	}
	place, _ := slices.BinarySearch(stamps, now)
	stamps = slices.Insert(stamps, place, now)
	past, _ := slices.BinarySearch(stamps, now-longest.Microseconds()+1)
	stamps = stamps[max(past, len(stamps)-most):]
	return stamps, time.UnixMicro(stamps[len(stamps)-1]).Add(longest), true
}

// packStamps writes microseconds since 1970, eight bytes each.
func packStamps(stamps []int64) []byte {
	packed := make([]byte, 0, 8*len(stamps))
	for _, n := range stamps {
		packed = binary.BigEndian.AppendUint64(packed, uint64(n))
	}
	return packed
}

func unpackStamps(packed []byte) (stamps []int64) {
	for chunk := range slices.Chunk(packed, 8) {
		stamps = append(stamps, int64(binary.BigEndian.Uint64(chunk)))
	}
	return stamps
}
