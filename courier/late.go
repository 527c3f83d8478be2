package courier

import "sync"

// late counts deliveries under way that have taken longer than patience.
type late struct {
	mu  sync.Mutex
	all int
	by  map[string]int // recipient
}

// add returns how many there are now.
func (l *late) add(recipient string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = map[string]int{}
	}
	l.by[recipient]++
	l.all++
	return l.all
}

func (l *late) done(recipient string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.by[recipient]--; l.by[recipient] == 0 {
		delete(l.by, recipient)
	}
}

// crowding are the recipients that keep most or more waiting: what goes to them
// has to wait for those, so that others have their turn.
func (l *late) crowding(most int) (recipients []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for recipient, n := range l.by {
		if n >= most {
			recipients = append(recipients, recipient)
		}
	}
	return recipients
}
