package media

import (
	"bytes"
	"context"
	"encoding/hex"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestUnbundle(t *testing.T) {
	for name, c := range map[string]struct {
		in   string // after the flow identifier
		want []string
		ok   bool
	}{
		"two":          {"03010203020405", []string{"010203", "0405"}, true},
		"none":         {"", nil, true},
		"an empty one": {"000107", []string{"", "07"}, true},
		"cut off":      {"0107050102", []string{"07"}, false},
		"half a size":  {"010740", []string{"07"}, false},
		"a huge size":  {"0107ffffffffffffffff", []string{"07"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			in, _ := hex.DecodeString(c.in)
			var got []string
			err := Unbundle(in, func(b []byte) { got = append(got, hex.EncodeToString(b)) })
			if (err == nil) != c.ok || len(got) != len(c.want) {
				t.Fatalf("got %q and %v", got, err)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("datagram %d is %s, want %s", i, got[i], c.want[i])
				}
			}
		})
	}
}

func FuzzUnbundle(f *testing.F) {
	f.Add([]byte{3, 1, 2, 3, 2, 4, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		if Unbundle(b, func(d []byte) { again = appendBundled(again, d) }) == nil && len(again) > len(b) {
			t.Errorf("%x became %x", b, again)
		}
	})
}

// gatherer is a Transport that keeps the datagrams it is given, with the time.
type gatherer struct {
	mu  sync.Mutex
	got [][]byte
	at  []time.Time
}

func (g *gatherer) OpenStream() (Stream, error) { panic("not for video") }

func (g *gatherer) SendDatagram(b []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got, g.at = append(g.got, bytes.Clone(b)), append(g.at, time.Now())
	return nil
}

func TestDatagramSenderBundles(t *testing.T) {
	datagram := func(n int, size int) []byte { return append(AppendVarint(nil, uint64(n)), make([]byte, size)...) }
	run := func(t *testing.T, f func(t *testing.T, d *DatagramSender, g *gatherer, sent func() []string)) {
		synctest.Test(t, func(t *testing.T) {
			g := &gatherer{}
			d := NewDatagramSender(g)
			d.Bundle()
			defer func() { d.Close(); <-d.Done() }()
			began := time.Now()
			f(t, d, g, func() (out []string) {
				synctest.Wait()
				g.mu.Lock()
				defer g.mu.Unlock()
				for i, b := range g.got {
					flows := ""
					if b[0] != BundleFlow {
						flows = string('0' + rune(b[0]))
					} else if err := Unbundle(b[1:], func(b []byte) { flows += string('0' + rune(b[0])) }); err != nil {
						t.Fatal(err)
					}
					if len(b) > MaxDatagram {
						t.Errorf("a bundle of %d bytes", len(b))
					}
					out = append(out, g.at[i].Sub(began).String()+" "+flows)
				}
				return out
			})
		})
	}
	check := func(t *testing.T, got []string, want ...string) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("sent %q, want %q", got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("sent %q, want %q", got[i], want[i])
			}
		}
	}
	t.Run("one speaker is not delayed", func(t *testing.T) {
		run(t, func(t *testing.T, d *DatagramSender, _ *gatherer, sent func() []string) {
			for range 3 {
				d.Send(datagram(1, 100))
				synctest.Wait()
				time.Sleep(20 * time.Millisecond)
			}
			check(t, sent(), "0s 1", "20ms 1", "40ms 1")
		})
	})
	t.Run("nor are two", func(t *testing.T) {
		run(t, func(t *testing.T, d *DatagramSender, _ *gatherer, sent func() []string) {
			for range 2 {
				d.Send(datagram(1, 100))
				synctest.Wait()
				time.Sleep(5 * time.Millisecond)
				d.Send(datagram(2, 100))
				synctest.Wait()
				time.Sleep(15 * time.Millisecond)
			}
			check(t, sent(), "0s 1", "5ms 2", "20ms 1", "25ms 2")
		})
	})
	t.Run("several go together", func(t *testing.T) {
		run(t, func(t *testing.T, d *DatagramSender, _ *gatherer, sent func() []string) {
			for n := range 4 {
				d.Send(datagram(n+1, 100))
				synctest.Wait()
				time.Sleep(3 * time.Millisecond)
			}
			time.Sleep(20 * time.Millisecond)
			check(t, sent(), "0s 1", "3ms 2", "13ms 34")
			if s := d.Stats(); s.Sent != 4 || s.Joined != 1 || s.Queue != 0 {
				t.Errorf("stats are %+v", s)
			}
		})
	})
	t.Run("a full bundle does not wait", func(t *testing.T) {
		run(t, func(t *testing.T, d *DatagramSender, _ *gatherer, sent func() []string) {
			d.Send(datagram(1, 100))
			synctest.Wait()
			for n := range 3 {
				d.Send(datagram(n+2, 500))
			}
			check(t, sent(), "0s 1", "0s 23")
			time.Sleep(20 * time.Millisecond)
			check(t, sent(), "0s 1", "0s 23", "10ms 4")
		})
	})
	t.Run("what is urgent takes along what waits", func(t *testing.T) {
		run(t, func(t *testing.T, d *DatagramSender, _ *gatherer, sent func() []string) {
			for n := range 3 {
				d.Send(datagram(n+1, 100))
				synctest.Wait()
			}
			time.Sleep(time.Millisecond)
			d.SendNow(datagram(0, 30))
			check(t, sent(), "0s 1", "0s 2", "1ms 30")
			time.Sleep(20 * time.Millisecond)
			d.SendNow(datagram(0, 30))
			check(t, sent(), "0s 1", "0s 2", "1ms 30", "21ms 0")
			d.Send(datagram(1, 100)) // does not wait because of it
			check(t, sent(), "0s 1", "0s 2", "1ms 30", "21ms 0", "21ms 1")
		})
	})
	t.Run("what is too large to be bundled goes alone", func(t *testing.T) {
		run(t, func(t *testing.T, d *DatagramSender, _ *gatherer, sent func() []string) {
			d.Send(datagram(1, MaxDatagram-1))
			d.Send(datagram(2, MaxDatagram-1))
			d.Send(datagram(3, 10))
			time.Sleep(20 * time.Millisecond)
			check(t, sent(), "0s 1", "0s 2", "10ms 3")
		})
	})
}

func TestDatagramSenderClosesWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), BundleInterval/2)
		defer cancel()
		d := NewDatagramSender(&gatherer{})
		d.Bundle()
		for n := range byte(3) { // of which the last one waits
			d.Send([]byte{n + 1})
			synctest.Wait()
		}
		d.Close()
		select {
		case <-d.Done():
		case <-ctx.Done():
			t.Error("it waits for more")
		}
	})
}
