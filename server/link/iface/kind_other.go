//go:build !linux

package iface

import "strings"

// physical tells whether there is a device behind a point-to-point interface, as far as its name tells.
func physical(name string) bool {
	return strings.HasPrefix(name, "ppp") || strings.HasPrefix(name, "pdp_ip")
}

// title is what the system calls the interface. Windows has names for people; the rest do not tell the kind.
func title(name string) string { return name }
