package queue

import "sort"

// Job is an item with a rank; the lowest rank is served first.
type Job struct {
	Name string
	Rank int
}

// Order sorts jobs by rank and keeps the order of equal ranks.
func Order(jobs []Job) []Job {
	sorted := append([]Job(nil), jobs...)
	sort.SliceStable(sorted, func(a, b int) bool { return sorted[a].Rank < sorted[b].Rank })
	return sorted
}
