package main

import (
	"sync"

	"github.com/roamcall/roamcall/signaling/client"
)

// maxRestarts bounds the lines that wait while nothing is shown; what comes beyond them is counted in the report all the same.
const maxRestarts = 100

// restarts collects what became of the participation when the server stopped or forgot it, from the client's events: a line for each.
type restarts struct {
	mu       sync.Mutex
	news     []string
	rejoined int
}

func (r *restarts) note(e client.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := ""
	switch e := e.(type) {
	case client.Reconnecting:
		if e.Stopping == nil {
			return // told as a handover, once it is over
		}
		line = e.Stopping.Message
	case client.Rejoined:
		r.rejoined++
		line = "The call had not waited any longer: joined again."
		if e.Restarted {
			line = "The server was restarted: joined again."
		}
	default:
		return
	}
	if len(r.news) < maxRestarts {
		r.news = append(r.news, line)
	}
}

// take returns what is new since the last time.
func (r *restarts) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	news := r.news
	r.news = nil
	return news
}

// count is how many times the call was joined again.
func (r *restarts) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rejoined
}
