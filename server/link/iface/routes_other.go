//go:build !linux

package iface

// listRoutes is not asked of other systems: an interface that leads nowhere shows as silence.
func listRoutes() (byIndex map[int][]Route, known bool) { return nil, false }
