package iface

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// The groups of rtnetlink messages that tell of a change: links, addresses and routes (linux/rtnetlink.h).
const groups = 1<<(syscall.RTNLGRP_LINK-1) | 1<<(syscall.RTNLGRP_IPV4_IFADDR-1) | 1<<(syscall.RTNLGRP_IPV6_IFADDR-1) |
	1<<(syscall.RTNLGRP_IPV4_ROUTE-1) | 1<<(syscall.RTNLGRP_IPV6_ROUTE-1)

// spacing is how long changed is not called again: a network that comes up sends a burst, and a router sends without end.
const spacing = 5 * time.Millisecond

// Watch calls changed once it watches, so that nothing is missed, and then whenever an interface, an address or a route may have changed,
// until ctx ends: one call at a time.
func Watch(ctx context.Context, changed func()) {
	socket, err := subscribe()
	if err != nil {
		poll(ctx, List, changed) // a sandbox without netlink
		return
	}
	defer socket.Close()
	defer context.AfterFunc(ctx, func() { socket.SetReadDeadline(time.Unix(1, 0)) })()
	changed()
	b := make([]byte, 64<<10)
	for {
		// What the messages say is not looked at: the list is asked for anyway, and is right even if messages were lost.
		_, err := socket.Read(b)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !errors.Is(err, syscall.ENOBUFS) { // ENOBUFS: too many for the buffer, so something has changed
			poll(ctx, List, changed)
			return
		}
		changed()
		time.Sleep(spacing)
	}
}

func subscribe() (*os.File, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Groups: groups}); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "netlink"), nil
}
