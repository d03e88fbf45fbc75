//go:build !linux && !darwin && !windows

package iface

// keepTo leaves it to the source address.
func keepTo(uintptr, bool, string, int) error { return nil }
