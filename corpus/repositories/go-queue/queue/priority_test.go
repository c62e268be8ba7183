package queue

import "testing"

func TestOrder(t *testing.T) {
	tests := []struct {
		name string
		jobs []Job
		want string
	}{
		{"by rank", []Job{{"b", 2}, {"a", 1}}, "a"},
		{"stable", []Job{{"x", 1}, {"y", 1}}, "x"},
		{"negative", []Job{{"x", 0}, {"y", -1}}, "y"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Order(tt.jobs)[0].Name; got != tt.want {
				t.Errorf("first is %q; want %q", got, tt.want)
			}
		})
	}
}

func TestOrderCopies(t *testing.T) {
	jobs := []Job{{"b", 2}, {"a", 1}}
	_ = Order(jobs)
	if jobs[0].Name != "b" {
		t.Error("Order changed its argument")
	}
}
