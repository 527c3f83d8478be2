package password

// The parts of the policy that are tested by themselves.
var (
	Listed    = listed
	HoldsHalf = holdsHalf
	Near      = near
)

// ListSize returns the number of words on the list and the bytes they occupy.
func ListSize() (words, size int) {
	l := common()
	return l.len(), len(l.text) + 4*cap(l.starts)
}

// ListWord returns the i-th word on the list.
func ListWord(i int) string { return common().word(i) }
