package link

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// What the default networks say is what they do, measured through real sockets in both directions.
func TestDeliveredDelayIsTheOneShown(t *testing.T) {
	for _, n := range DefaultNetworks() {
		t.Run(n.Name, func(t *testing.T) {
			t.Parallel()
			n.Loss = 0 // measured elsewhere; here every packet must come
			r := newRig(t, Config{Networks: []Network{n}, Seed: 1})
			source := r.meet(t)
			const count = 300
			for i := range uint32(count) {
				r.client.send(t, r.link.Addr(), i+1, 200)
				r.server.send(t, source, i+1, 200)
				time.Sleep(5 * time.Millisecond)
			}
			for direction, got := range map[string][]received{
				"up": r.server.wait(t, count+1)[1:], "down": r.client.wait(t, count),
			} {
				var took []time.Duration
				outside := 0
				for i, p := range got {
					if p.seq != uint32(i+1) {
						t.Fatalf("%s: packet %d arrived in place of %d", direction, p.seq, i+1)
					}
					took = append(took, p.took)
					if p.took < n.Delay-n.Jitter {
						t.Fatalf("%s: packet %d took %v, less than %v - %v", direction, i, p.took, n.Delay, n.Jitter)
					}
					if p.took > n.Delay+n.Jitter+2*time.Millisecond {
						outside++ // this machine may have been busy; the median would tell if it was the link
					}
				}
				m := median(took)
				if (m - n.Delay).Abs() > 1500*time.Microsecond+n.Jitter/8 {
					t.Errorf("%s: median delay %v, shown %v", direction, m, n.Delay)
				}
				if outside > count/4 {
					t.Errorf("%s: %d of %d packets took longer than %v + %v", direction, outside, count, n.Delay, n.Jitter)
				}
				t.Logf("%s: median delay %v, shown %v ± %v", direction, m, n.Delay, n.Jitter)
			}
		})
	}
}

func TestDeliveredLossIsTheOneShown(t *testing.T) {
	const count, loss = 4000, 0.1
	r := newRig(t, Config{Networks: []Network{{Name: "lossy", Loss: loss}}, Seed: 1})
	up := r.link.Addr()
	// The first packet may be lost as well.
	eventually(t, "the server hears the client", func() bool {
		r.client.send(t, up, 0, 100)
		time.Sleep(time.Millisecond)
		return len(r.server.packets()) > 0
	})
	source := r.server.packets()[0].from
	before := r.link.State().net("lossy")
	for i := range uint32(count) {
		r.client.send(t, up, i+1, 100)
		r.server.send(t, source, i+1, 100)
		if i%20 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	all := func(c, b Counters) uint64 { return c.Packets + c.Dropped.Loss - b.Packets - b.Dropped.Loss }
	eventually(t, "all packets are accounted for", func() bool {
		n := r.link.State().net("lossy")
		return all(n.Up, before.Up) == count && all(n.Down, before.Down) == count
	})
	n := r.link.State().net("lossy")
	for direction, lost := range map[string]uint64{"up": n.Up.Dropped.Loss - before.Up.Dropped.Loss, "down": n.Down.Dropped.Loss} {
		if !withinBinomial(int(lost), count, loss) {
			t.Errorf("%s: %d of %d packets lost, shown %v", direction, lost, count, loss)
		}
	}
	// What the counters call delivered has arrived.
	r.server.wait(t, int(n.Up.Packets))
	r.client.wait(t, int(n.Down.Packets))
	if s, c := len(r.server.packets()), len(r.client.packets()); s != int(n.Up.Packets) || c != int(n.Down.Packets) {
		t.Errorf("%d packets arrived up and %d down, counted %d and %d", s, c, n.Up.Packets, n.Down.Packets)
	}
}

// All connections together have the rate.
func TestDeliveredRateIsTheOneShown(t *testing.T) {
	const size = 1200
	for _, n := range DefaultNetworks() {
		t.Run(n.Name, func(t *testing.T) {
			n.Loss = 0
			r := newRig(t, Config{Networks: []Network{n}, Seed: 1})
			other := newEndpoint(t, loopback)
			sources := []netip.AddrPort{r.meet(t), r.meetBy(t, other)}
			// Half as much again as the rate, for long enough to be in the queue's steady state.
			const length = 600 * time.Millisecond
			count := int(1.5 * float64(n.Rate) * length.Seconds() / 8 / size)
			start := time.Now()
			for i := range count {
				r.server.send(t, sources[i%2], uint32(i+1), size)
				if ahead := time.Duration(i)*length/time.Duration(count) - time.Since(start); ahead > time.Millisecond {
					time.Sleep(ahead)
				}
			}
			time.Sleep(n.Delay + n.Jitter + defaultQueue + 50*time.Millisecond)
			got := append(r.client.packets(), other.packets()...)
			slices.SortFunc(got, func(a, b received) int { return cmp.Compare(a.at, b.at) })
			if len(got) < 100 {
				t.Fatalf("only %d of %d packets arrived", len(got), count)
			}
			got = got[len(got)/10:]
			span := (got[len(got)-1].at - got[0].at).Seconds()
			rate := float64((len(got)-1)*size*8) / span
			if math.Abs(rate/float64(n.Rate)-1) > 0.05 {
				t.Errorf("measured %.1f Mbit/s, shown %.1f", rate/1e6, float64(n.Rate)/1e6)
			}
			if r.link.State().net(n.Name).Down.Dropped.Queue == 0 {
				t.Error("an overloaded queue has dropped nothing")
			}
			for _, got := range [][]received{r.client.packets(), other.packets()} {
				for i := 1; i < len(got); i++ {
					if got[i].seq <= got[i-1].seq {
						t.Fatalf("packet %d arrived after %d", got[i].seq, got[i-1].seq)
					}
				}
			}
			t.Logf("measured %.2f Mbit/s, shown %.2f", rate/1e6, float64(n.Rate)/1e6)
		})
	}
}

func TestSourceAddresses(t *testing.T) {
	r := newRig(t, Config{Networks: plainNetworks()})
	sources := map[netip.AddrPort]bool{}
	wifi := r.meet(t)
	if got := r.link.State().net("wifi").Source; got != wifi {
		t.Errorf("state shows the source %v, the server sees %v", got, wifi)
	}
	if got := r.link.State().net("cellular").Source; got.IsValid() {
		t.Errorf("an unused network has the source %v", got)
	}
	sources[wifi] = true
	for i := range 10 {
		to := []string{"cellular", "wifi"}[i%2]
		if changed, err := r.link.Switch(to, Hard); !changed || err != nil {
			t.Fatalf("switch to %s: %t, %v", to, changed, err)
		}
		from := r.meet(t)
		if sources[from] {
			t.Fatalf("switch %d uses %v again", i, from)
		}
		sources[from] = true
		if got := r.link.State().net(to).Source; got != from {
			t.Errorf("state shows the source %v, the server sees %v", got, from)
		}
		// Where the system has the whole of 127.0.0.0/8 the networks differ by address.
		if wifi.Addr() != loopback && (from.Addr() == wifi.Addr()) != (to == "wifi") {
			t.Errorf("%s has the address %v, wifi has %v", to, from.Addr(), wifi.Addr())
		}
	}
	if s := r.link.State(); s.Switches != 10 || s.Active != "wifi" || s.Last == nil || s.Last.From != "cellular" {
		t.Errorf("state %+v", s)
	}
}
