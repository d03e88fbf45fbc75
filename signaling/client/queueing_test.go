package client

import (
	"testing"
	"time"

	"github.com/roamcall/roamcall/signaling"
)

func TestQueueing(t *testing.T) {
	const ms = time.Millisecond
	type span struct {
		replies int
		delay   time.Duration // besides that of the path
		spike   time.Duration // of every second reply besides
		restart bool          // before
	}
	for _, c := range []struct {
		name  string
		spans []span
		want  uint16 // 0.1 ms
	}{
		{"nothing came", nil, signaling.UnknownQueueing},
		{"the first reply", []span{{replies: 1}}, 0},
		{"no queue", []span{{replies: 100}}, 0},
		{"a queue", []span{{replies: 20}, {replies: 4, delay: 30 * ms}}, 300},
		{"a queue that is over", []span{{replies: 20}, {replies: 20, delay: 30 * ms}, {replies: 1}}, 0},
		{"a queue of late", []span{{replies: 20}, {replies: 3, delay: 30 * ms}}, 0},
		{"jitter", []span{{replies: 100, spike: 20 * ms}}, 0},
		{"a queue seen soon", []span{{replies: 20}, {replies: 99, delay: 30 * ms}}, 300},
		{"a longer way for more than the window", []span{{replies: 20}, {replies: 220, delay: 30 * ms}}, 0},
		{"a shorter way", []span{{replies: 20, delay: 30 * ms}, {replies: 1}}, 0},
		{"another path", []span{{replies: 20}, {replies: 4, delay: 30 * ms, restart: true}}, 0},
		{"nothing came of another path", []span{{replies: 20}, {restart: true}}, signaling.UnknownQueueing},
		{"longer than can be said", []span{{replies: 20}, {replies: 4, delay: 10 * time.Second}}, signaling.UnknownQueueing - 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var q queueing
			server := uint32(1<<32 - 500) // wraps around soon
			now := time.UnixMilli(1_700_000_000_123)
			for _, s := range c.spans {
				if s.restart {
					q.restart()
				}
				for i := range s.replies {
					q.add(now.Add(s.delay+time.Duration(i%2)*s.spike), server)
					now = now.Add(50 * ms)
					server += 50
				}
			}
			if got := q.report(); got != c.want {
				t.Errorf("queueing %d, want %d", got, c.want)
			}
		})
	}
}
