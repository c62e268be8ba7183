// Package queue holds bounded queues.
package queue

import "errors"

// ErrFull is returned by Push when there is no room.
var ErrFull = errors.New("queue: full")

// Ring is a queue of fixed size, first in, first out.
type Ring struct {
	items []string
	head  int
	size  int
}

// NewRing makes a ring for n items.
func NewRing(n int) *Ring {
	return &Ring{items: make([]string, n)}
}

// Push adds an item at the end.
func (r *Ring) Push(item string) error {
	if r.size == len(r.items) {
		return ErrFull
	}
	r.items[(r.head+r.size)%len(r.items)] = item
	r.size++
	return nil
}

// Pop takes the oldest item.
func (r *Ring) Pop() (string, bool) {
	if r.size == 0 {
		return "", false
	}
	item := r.items[r.head]
	r.head = (r.head + 1) % len(r.items)
	r.size--
	return item, true
}

// Len is the number of items.
func (r *Ring) Len() int { return r.size }
