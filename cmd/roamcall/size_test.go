package main

import "testing"

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1M": 1e6, "50M": 50e6, "2000k": 2e6, "1G": 1e9, "100G": 100e9, "1500000": 1_500_000,
		"": 0, "M": 0, "1": 0, "999k": 0, "101G": 0, "-5M": 0, "5MB": 0, "1.5G": 0, "5m": 0, "99999999999999999999": 0,
	} {
		if n, err := parseSize(text); n != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v; want %d", text, n, err, want)
		}
	}
}
