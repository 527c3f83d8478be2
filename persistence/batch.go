package persistence

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

const (
	batchUnits = 256
	batchTime  = 10 * time.Millisecond

	// checkpointUnits is after how many units the log is copied into the
	// database file; about the thousand pages SQLite itself would wait for.
	checkpointUnits = 400
)

var errClosed = errors.New("persistence: the store is closed")

// batcher is SQLite's one writer. Units that arrive while a commit flushes
// wait and share the next one.
type batcher struct {
	s     *Store
	queue chan *job
	quit  chan struct{} // closed by close: take no more
	dead  chan struct{} // closed by the writer when it has ended

	quitOnce    sync.Once
	uncopied    int    // units since the last checkpoint
	done        []*job // wait for the commit
	failed      []*job // so do these: they have seen rows of those above
	transaction bool
}

// job is a unit in the queue. Its caller waits for answered under all
// circumstances, because until then fn may still run.
type job struct {
	ctx      context.Context
	fn       func(context.Context, *unit) error
	single   bool
	unit     unit
	err      error
	panicked any
	answered chan struct{}
}

func newBatcher(s *Store) *batcher {
	b := &batcher{s: s, queue: make(chan *job, 4*batchUnits), quit: make(chan struct{}), dead: make(chan struct{})}
	go b.loop()
	return b
}

// close waits until what was taken is answered.
func (b *batcher) close() {
	b.quitOnce.Do(func() { close(b.quit) })
	<-b.dead
}

func (b *batcher) do(ctx context.Context, single bool, fn func(context.Context, *unit) error) error {
	if err := b.s.Broken(); err != nil {
		return storageFailed(err)
	}
	j := &job{ctx: ctx, fn: fn, single: single, answered: make(chan struct{})}
	j.unit.s = b.s
	select {
	case <-b.quit:
		return unavailable(errClosed)
	default:
	}
	select {
	case b.queue <- j:
	case <-b.quit:
		return unavailable(errClosed)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-j.answered:
	case <-b.dead:
		select {
		case <-j.answered:
		default:
			return unavailable(errClosed)
		}
	}
	if j.panicked != nil {
		panic(j.panicked)
	}
	return j.err
}

// loop is the writer's goroutine. A unit may end it with runtime.Goexit, as a
// failing test does: then its batch is given up, and the store takes no more.
func (b *batcher) loop() {
	defer func() {
		b.abort(unavailable(errClosed))
		close(b.dead)
	}()
	for {
		select {
		case j := <-b.queue:
			b.batch(j)
		case <-b.quit:
			for j := b.next(); j != nil; j = b.next() {
				b.batch(j)
			}
			return
		}
	}
}

func (b *batcher) next() *job {
	select {
	case j := <-b.queue:
		return j
	default:
		return nil
	}
}

// batch runs j and what arrives meanwhile in one transaction.
func (b *batcher) batch(j *job) {
	began := b.s.now()
	for n := 1; ; n++ {
		b.one(j)
		if n >= batchUnits || b.s.now().Sub(began) > batchTime {
			break
		}
		if j = b.next(); j == nil {
			break
		}
	}
	b.commit()
}

// one runs j's unit and leaves it among those that wait for the commit. One that
// fails first of its batch is answered at once; any other has seen rows that are
// not committed yet, and whoever acts on its error must find them.
func (b *batcher) one(j *job) {
	if err := j.ctx.Err(); err != nil {
		j.answer(err)
		return
	}
	if err := b.s.Broken(); err != nil {
		j.answer(storageFailed(err))
		return
	}
	if !b.transaction {
		if err := b.raw("BEGIN IMMEDIATE"); err != nil {
			b.refuseAll(j, err)
			return
		}
		b.transaction = true
	}
	// The first unit needs no savepoint: when it fails, all there is goes. Nor
	// does a single statement, which undoes itself.
	save := len(b.done) > 0 && !j.single
	if save {
		if err := b.raw("SAVEPOINT unit"); err != nil {
			b.collapse(j, err)
			return
		}
	}
	if !b.run(j) {
		b.done = append(b.done, j)
		if save {
			if err := b.raw("RELEASE unit"); err != nil {
				b.collapse(nil, err)
			}
		}
		return
	}
	b.undo(j, save)
}

// undo takes back what a failed unit did, and nothing else.
func (b *batcher) undo(j *job, save bool) {
	cause := j.unit.failed
	switch {
	case len(b.done) == 0:
		b.rollback()
		b.s.breakOn(cause)
		j.answer(j.err)
	case !statementOnly(cause):
		// SQLite may have rolled the whole transaction back by itself.
		b.collapse(j, cause)
	case save:
		err := b.raw("ROLLBACK TO unit")
		if err == nil {
			err = b.raw("RELEASE unit")
		}
		if err != nil {
			b.collapse(j, err)
			return
		}
		b.failed = append(b.failed, j)
	default:
		b.failed = append(b.failed, j)
	}
}

// statementOnly reports whether SQLite keeps the transaction after err.
func statementOnly(err error) bool {
	switch classify(err) {
	case storageFailure, busy, unreachable:
		return false
	}
	return true
}

// run calls the unit's function and reports whether it failed in any way.
func (b *batcher) run(j *job) (failed bool) {
	defer func() {
		j.unit.over.Store(true)
		if v := recover(); v != nil {
			j.panicked, failed = v, true
			// The caller goes on with the panic; where it began is seen here only.
			b.s.log.Error("a unit of work panicked", "stack", string(debug.Stack()))
		}
	}()
	j.err = j.unit.call(context.WithoutCancel(j.ctx), j.fn)
	return j.err != nil
}

func (b *batcher) commit() {
	if !b.transaction {
		return
	}
	if len(b.done) == 0 {
		b.rollback()
		return
	}
	if err := b.raw("COMMIT"); err != nil {
		b.collapse(nil, fmt.Errorf("commit: %w", err))
		return
	}
	b.transaction = false
	n := len(b.done)
	b.s.units.Add(uint64(n))
	b.s.commits.Add(1)
	b.answerDone(nil)
	if b.uncopied += n; b.uncopied >= checkpointUnits {
		b.uncopied = 0
		b.s.breakOn(b.raw("PRAGMA wal_checkpoint(PASSIVE)"))
	}
}

// collapse gives the whole batch up because of the engine, j included.
func (b *batcher) collapse(j *job, cause error) {
	b.s.breakOn(cause)
	err := wrap("write", cause)
	if classify(cause) == other {
		err = unavailable(cause)
	}
	if j != nil {
		b.done = append(b.done, j)
	}
	b.abort(err)
}

func (b *batcher) abort(err error) {
	b.rollback()
	b.answerDone(err)
}

// refuseAll answers j and whoever waits at this moment, after another process
// kept the file for as long as one caller is to wait.
func (b *batcher) refuseAll(j *job, cause error) {
	b.s.breakOn(cause)
	err := wrap("begin", cause)
	waiting := make([]*job, len(b.queue), len(b.queue)+1)
	for n := range waiting {
		waiting[n] = <-b.queue
	}
	for _, w := range append(waiting, j) {
		w.answer(err)
	}
}

func (b *batcher) rollback() {
	if b.transaction {
		b.transaction = false
		// SQLite may have rolled back already, and then says so.
		_ = b.raw("ROLLBACK")
	}
}

// answerDone answers all of the batch, those that failed included: with their
// own errors if it was committed, else with err, since what they failed of may
// be rows that are gone.
func (b *batcher) answerDone(err error) {
	for _, list := range []*[]*job{&b.done, &b.failed} {
		for i, j := range *list {
			(*list)[i] = nil
			if err != nil {
				j.err = err
			}
			j.answer(j.err)
		}
		*list = (*list)[:0]
	}
}

func (j *job) answer(err error) {
	j.err = err
	close(j.answered)
}

func (b *batcher) raw(statement string) error {
	st, err := b.s.write.stmt(context.Background(), statement)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(context.Background())
	return err
}
