package recording

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/roamcall/roamcall/server/path"
)

// redactor puts others in the place of addresses, rooms and names. What stood for one once stands for it always. It grows with what is recorded, which is
// bounded.
type redactor struct {
	addresses map[netip.Addr]netip.Addr
	four, six uint32            // addresses given out of each kind
	people    map[string]string // by participant
	rooms     map[string]string
	names     []alias // the longest first
}

// alias is a name as people know it and what stands for it in texts.
type alias struct{ name, instead string }

func newRedactor() *redactor {
	return &redactor{addresses: map[netip.Addr]netip.Addr{}, people: map[string]string{}, rooms: map[string]string{}}
}

func (r *redactor) event(ev path.Event) path.Event {
	ev.Name, ev.Room = r.person(ev.Participant, ev.Name), r.room(ev.Room)
	ev.Local, ev.Remote = r.hostPort(ev.Local), r.hostPort(ev.Remote)
	if ev.From != nil {
		from := r.endpoint(*ev.From)
		ev.From = &from
	}
	ev.Report = r.report(ev.Report)
	ev.Reason, ev.Text = r.text(ev.Reason), r.text(ev.Text)
	return ev
}

func (r *redactor) snapshot(s path.Snapshot) path.Snapshot {
	s.Name, s.Room = r.person(s.Participant, s.Name), r.room(s.Room)
	s.Paths = slices.Clone(s.Paths)
	for i := range s.Paths {
		p := &s.Paths[i]
		p.Local, p.Remote = r.hostPort(p.Local), r.hostPort(p.Remote)
	}
	s.Report = r.report(s.Report)
	return s
}

func (r *redactor) samples(batch []path.Sample) []path.Sample {
	batch = slices.Clone(batch)
	for i := range batch {
		batch[i].Room = r.room(batch[i].Room)
	}
	return batch
}

func (r *redactor) report(report *path.Report) *path.Report {
	if report == nil {
		return nil
	}
	copied := *report
	copied.From, copied.To = r.endpoint(report.From), r.endpoint(report.To)
	return &copied
}

func (r *redactor) endpoint(e path.Endpoint) path.Endpoint {
	e.Local, e.Remote = r.hostPort(e.Local), r.hostPort(e.Remote)
	return e
}

// person is what stands for the name of a participant; two of the same name are told apart.
func (r *redactor) person(participant, name string) string {
	if name == "" {
		return ""
	}
	key := cmp.Or(participant, name)
	if r.people[key] == "" {
		instead := fmt.Sprintf("Participant %d", len(r.people)+1)
		r.people[key] = instead
		r.alias(name, instead)
	}
	return r.people[key]
}

// alias makes a name be found in texts. Of several who have it the first counts.
func (r *redactor) alias(name, instead string) {
	if slices.ContainsFunc(r.names, func(a alias) bool { return strings.EqualFold(a.name, name) }) {
		return
	}
	at, _ := slices.BinarySearchFunc(r.names, len(name), func(a alias, n int) int { return cmp.Or(cmp.Compare(n, len(a.name)), -1) })
	r.names = slices.Insert(r.names, at, alias{name, instead})
}

func (r *redactor) room(room string) string {
	if room == "" {
		return ""
	}
	if r.rooms[room] == "" {
		r.rooms[room] = fmt.Sprintf("room-%d", len(r.rooms)+1)
		r.alias(room, r.rooms[room])
	}
	return r.rooms[room]
}

// hostPort is what stands for an address with its port; the port stays.
func (r *redactor) hostPort(s string) string {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(r.address(a.Addr()), a.Port()).String()
	}
	return r.text(s)
}

// documentationHosts is how many addresses 192.0.2.0/24 has for hosts.
const documentationHosts = 254

func (r *redactor) address(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if known, ok := r.addresses[a]; ok {
		return known
	}
	var instead netip.Addr
	if a.Is4() {
		r.four++
		if r.four <= documentationHosts {
			instead = netip.AddrFrom4([4]byte{192, 0, 2, byte(r.four)})
		} else {
			instead = documented6(4, r.four)
		}
	} else {
		r.six++
		instead = documented6(0, r.six)
	}
	r.addresses[a] = instead
	return instead
}

// documented6 is the address 2001:db8:NET::HOST.
func documented6(net byte, host uint32) netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 5: net,
		12: byte(host >> 24), 13: byte(host >> 16), 14: byte(host >> 8), 15: byte(host)})
}

// inText finds what may be an address in a text: of IPv6 anything with two colons, of IPv4 four numbers.
var inText = regexp.MustCompile(`[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f.]*|\d{1,3}(\.\d{1,3}){3}`)

// text replaces the addresses in a text, and the names of people and rooms that are known.
func (r *redactor) text(s string) string { return r.withoutNames(r.withoutAddresses(s)) }

func (r *redactor) withoutAddresses(s string) string {
	return inText.ReplaceAllStringFunc(s, func(found string) string {
		// What ends a sentence or comes before the rest of it is no part of the address, and neither is a colon before it.
		if rest, colon := strings.CutPrefix(found, ":"); colon && !strings.HasPrefix(rest, ":") {
			return ":" + r.withoutAddresses(rest)
		}
		for n := len(found); n > 0 && (n == len(found) || strings.ContainsRune(".:", rune(found[n]))); n-- {
			if a, err := netip.ParseAddr(found[:n]); err == nil {
				return r.address(a).String() + found[n:]
			}
		}
		return found
	})
}

// withoutNames replaces names where they stand as words, in whatever case.
func (r *redactor) withoutNames(s string) string {
	var b strings.Builder
	before := ' '
	for s != "" {
		if !inWord(before) {
			if instead, n := r.nameAt(s); n > 0 {
				b.WriteString(instead)
				before, _ = utf8.DecodeLastRuneInString(s[:n])
				s = s[n:]
				continue
			}
		}
		c, n := utf8.DecodeRuneInString(s)
		b.WriteString(s[:n])
		before, s = c, s[n:]
	}
	return b.String()
}

// nameAt finds the longest name that s begins with; n is its length, 0 if there is none.
func (r *redactor) nameAt(s string) (instead string, n int) {
	for _, a := range r.names {
		if len(s) < len(a.name) || !strings.EqualFold(s[:len(a.name)], a.name) {
			continue
		}
		if next, _ := utf8.DecodeRuneInString(s[len(a.name):]); len(s) == len(a.name) || !inWord(next) {
			return a.instead, len(a.name)
		}
	}
	return "", 0
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
