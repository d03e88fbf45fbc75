package main

import (
	"testing"
	"time"

	"github.com/roamcall/roamcall/server/link"
)

func TestParseNetwork(t *testing.T) {
	for _, c := range []struct {
		in   string
		want link.Network
	}{
		{"wifi:delay=15.5ms,rate=50M", link.Network{Name: "wifi", Title: "Wi-Fi", Delay: 15500 * time.Microsecond, Rate: 50e6}},
		{"satellite:title=Up there,delay=300ms,jitter=20ms,loss=1%,rate=800k",
			link.Network{Name: "satellite", Title: "Up there", Delay: 300 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: .01, Rate: 800e3}},
		{"dsl:rate=3M,queue=400ms", link.Network{Name: "dsl", Title: "Dsl", Rate: 3e6, Queue: 400 * time.Millisecond}},
		{"dsl", link.Network{Name: "dsl", Title: "Dsl"}},
	} {
		got, err := parseNetwork(c.in)
		got.Source = c.want.Source
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.in, got, err, c.want)
		}
	}
	for _, bad := range []string{"", ":", "wifi:delay=fast", "wifi:loss=200%", "wifi:delay=-1ms", "wifi:colour=red", "wi fi", "wifi:rate=M", "wifi:rate=0.5", "wifi:rate=NaN", "wifi:rate=-1M", "wifi:queue=-1ms"} {
		if n, err := parseNetwork(bad); err == nil {
			t.Errorf("%q was accepted as %+v", bad, n)
		}
	}
}
