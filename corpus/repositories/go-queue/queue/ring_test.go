package queue

import (
	"errors"
	"testing"
)

func TestPushPop(t *testing.T) {
	ring := NewRing(2)
	if err := ring.Push("a"); err != nil {
		t.Fatal(err)
	}
	if err := ring.Push("b"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a", "b"} {
		got, ok := ring.Pop()
		if !ok || got != want {
			t.Errorf("Pop() = %q, %v; want %q", got, ok, want)
		}
	}
}

func TestFull(t *testing.T) {
	ring := NewRing(1)
	_ = ring.Push("a")
	if err := ring.Push("b"); !errors.Is(err, ErrFull) {
		t.Fatalf("Push on a full ring: %v", err)
	}
}

func TestEmpty(t *testing.T) {
	if _, ok := NewRing(1).Pop(); ok {
		t.Fatal("Pop on an empty ring gave an item")
	}
}

func TestWrapsAround(t *testing.T) {
	ring := NewRing(2)
	for _, item := range []string{"a", "b", "c", "d", "e"} {
		if err := ring.Push(item); err != nil {
			t.Fatal(err)
		}
		if got, _ := ring.Pop(); got != item {
			t.Errorf("Pop() = %q; want %q", got, item)
		}
	}
	if ring.Len() != 0 {
		t.Errorf("Len() = %d; want 0", ring.Len())
	}
}
