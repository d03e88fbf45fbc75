package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/roamcall/roamcall/server/link"
)

// parseNetwork reads the description of an emulated network: NAME:delay=35ms,jitter=8ms,loss=0.1%,rate=12M. All but the name may be left
// out. Delay and jitter are one way, in each direction.
func parseNetwork(s string) (link.Network, error) {
	name, rest, _ := strings.Cut(s, ":")
	n := link.Network{Name: name, Title: strings.ToUpper(name[:min(1, len(name))]) + name[min(1, len(name)):]}
	for _, d := range link.DefaultNetworks() {
		if d.Name == name {
			n.Title, n.Source = d.Title, d.Source
		}
	}
	for part := range strings.SplitSeq(rest, ",") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		var err error
		switch key {
		case "title":
			n.Title = value
		case "delay":
			n.Delay, err = time.ParseDuration(value)
		case "jitter":
			n.Jitter, err = time.ParseDuration(value)
		case "loss":
			n.Loss, err = strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
			if strings.HasSuffix(value, "%") {
				n.Loss /= 100
			}
		case "rate":
			number, factor := value, 1.0
			if t, ok := strings.CutSuffix(value, "M"); ok {
				number, factor = t, 1e6
			} else if t, ok := strings.CutSuffix(value, "k"); ok {
				number, factor = t, 1e3
			}
			var rate float64
			rate, err = strconv.ParseFloat(number, 64)
			n.Rate = int64(math.Ceil(rate * factor)) // less than 1 is not 0, which means no limit
		case "queue":
			n.Queue, err = time.ParseDuration(value)
		default:
			err = fmt.Errorf("%q is not one of title, delay, jitter, loss, rate, queue", key)
		}
		if err != nil {
			return link.Network{}, fmt.Errorf("network %q: %s: %w", name, part, err)
		}
	}
	return n, n.Validate()
}
