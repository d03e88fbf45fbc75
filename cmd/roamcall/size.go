package main

import (
	"fmt"
	"strconv"
	"strings"
)

// What a recording may be as small and as large as.
const (
	leastRecording = 1_000_000
	mostRecording  = 100_000_000_000
)

// parseSize reads a number of bytes with k, M or G for thousands, millions and thousands of millions.
func parseSize(s string) (int64, error) {
	number, factor := s, int64(1)
	for suffix, f := range map[string]int64{"k": 1e3, "M": 1e6, "G": 1e9} {
		if t, ok := strings.CutSuffix(s, suffix); ok {
			number, factor = t, f
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > mostRecording/factor || n*factor < leastRecording {
		return 0, fmt.Errorf("takes a size from 1M to 100G, such as 50M")
	}
	return n * factor, nil
}
