package iface

import (
	"context"
	"reflect"
	"time"
)

// pollInterval is how often the interfaces are looked at where the system is not asked to tell.
const pollInterval = 500 * time.Millisecond

// poll calls changed at once and whenever the list of interfaces differs, until ctx ends.
func poll(ctx context.Context, list func() ([]Interface, error), changed func()) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	before, _ := list()
	changed()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if now, err := list(); err == nil && !reflect.DeepEqual(now, before) {
			before = now
			changed()
		}
	}
}
