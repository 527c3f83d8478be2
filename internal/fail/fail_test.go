package fail_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
)

func TestErrorsAreToldApartByID(t *testing.T) {
	cause := errors.New("the disk is full")
	taken := fail.New(fail.Conflict, "identity_exists", "There is one.")
	for name, one := range map[string]struct {
		err  error
		same bool
	}{
		"itself":              {taken, true},
		"wrapped":             {fmt.Errorf("create: %w", taken), true},
		"joined":              {errors.Join(cause, taken), true},
		"another reason":      {fail.New(fail.Conflict, "identity_exists", "Told otherwise."), true},
		"another kind":        {fail.New(fail.BadRequest, "identity_exists", ""), true},
		"another id":          {fail.New(fail.Conflict, "other", "There is one."), false},
		"none of ours":        {cause, false},
		"none":                {nil, false},
		"one without an id":   {&fail.Error{}, false},
		"a cause of that id":  {fail.Wrap(taken, fail.Internal, "other", ""), true},
		"its text, no error":  {errors.New(taken.Error()), false},
		"an id in other case": {fail.New(fail.Conflict, "Identity_Exists", ""), false},
	} {
		require.Equal(t, one.same, errors.Is(one.err, taken), name)
	}
	require.False(t, errors.Is(&fail.Error{}, &fail.Error{}), "two errors without an id are not the same")
}

func TestAs(t *testing.T) {
	refusal := fail.New(fail.Gone, "over", "It is over.")
	require.Same(t, refusal, fail.As(fmt.Errorf("a: %w", fmt.Errorf("b: %w", refusal))))
	require.Nil(t, fail.As(errors.New("internal")))
	require.Nil(t, fail.As(nil))
}

func TestWrapKeepsTheCause(t *testing.T) {
	cause := errors.New("the disk is full")
	err := fail.Wrap(cause, fail.Unavailable, "store_unavailable", "Please come back.")
	require.ErrorIs(t, err, cause)
	require.Equal(t, "store_unavailable: Please come back.: the disk is full", err.Error(), "for the log")
	require.Equal(t, "Please come back.", err.Reason, "for the client, without the cause")
	require.Equal(t, "over: It is over.", fail.New(fail.Gone, "over", "It is over.").Error())
	require.Nil(t, fail.New(fail.Gone, "over", "").Unwrap())
}
