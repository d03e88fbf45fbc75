//go:build !linux

package iface

import "context"

// Watch calls changed at once and then whenever an interface or an address has changed, until ctx ends: one call at a time. It looks twice a
// second.
func Watch(ctx context.Context, changed func()) { poll(ctx, List, changed) }
