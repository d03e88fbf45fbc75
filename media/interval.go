package media

import "time"

// meanOver is how many arrivals before a moment MeanInterval looks at: a second of video.
const meanOver = 30

// MeanInterval returns the mean time between the last arrivals before a moment, or 0 if fewer than two are remembered.
func (r *ReceiverStats) MeanInterval(before time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var first, last time.Time
	n := 0
	for i := r.n - 1; i >= 0 && n < meanOver; i-- {
		a := r.at(i).at
		if !a.Before(before) {
			continue
		}
		if n == 0 {
			last = a
		}
		first = a
		n++
	}
	if n < 2 {
		return 0
	}
	return last.Sub(first) / time.Duration(n-1)
}
