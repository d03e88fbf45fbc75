package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

// visit is what one person, or one page, does. What there is of chance in it follows from the seed and its number, not from how fast the machine is.
type visit struct {
	*soaking
	does       visitKind
	dice       *rand.Rand
	room, name string
	publishes  bool
	stay       time.Duration
}

type visitKind struct {
	name   string
	weight int // of all visits' together
	do     func(*visit, context.Context) error
}

// visitKinds are what visitors do.
var visitKinds = []visitKind{
	{"leave", 22, (*visit).leave},
	{"migrate", 14, (*visit).migrate},
	{"rebind", 8, (*visit).rebind},
	{"stall", 8, (*visit).stall},
	{"die", 10, (*visit).die},
	{"resume", 12, (*visit).resume},
	{"leave over TCP", 8, (*visit).leaveTCP},
	{"die over TCP", 4, (*visit).dieTCP},
	{"stall over TCP", 4, (*visit).stallTCP},
	{"talk nonsense", 5, (*visit).talkNonsense},
	{"dashboard", 6, (*visit).watch},
	{"link", 3, (*visit).makeLink},
}

// visitor says who comes next.
func (s *soaking) visitor() *visit {
	v := &visit{soaking: s, dice: rand.New(rand.NewPCG(s.dice.Uint64(), s.dice.Uint64()))}
	all := 0
	for _, k := range visitKinds {
		all += k.weight
	}
	n := v.dice.IntN(all)
	for _, v.does = range visitKinds {
		if n -= v.does.weight; n < 0 {
			break
		}
	}
	v.room, v.name = fmt.Sprintf("soak-%d", 1+v.dice.IntN(soakRooms)), fmt.Sprintf("Person %d", 1+v.dice.IntN(1000))
	v.publishes = v.dice.IntN(3) == 0
	v.stay = min(longestStay, time.Duration(v.dice.ExpFloat64()*float64(meanStay)))
	return v
}

// enter joins as somebody who behaves, until told otherwise.
func (v *visit) enter(ctx context.Context, config client.Config) (*benchPerson, error) {
	config.Room, config.Name = v.room, v.name
	ctx, cancel := context.WithTimeout(ctx, benchJoinTimeout)
	defer cancel()
	p, err := v.load.joinAs(ctx, config, v.publishes)
	if err == nil && config.Token == "" {
		v.tally.add("joins")
	}
	return p, err
}

// remain stays in the call for a while. Its error is that of a call that ended meanwhile.
func (v *visit) remain(ctx context.Context, p *benchPerson, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.client.Done():
		return p.client.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (v *visit) goodbye(p *benchPerson) {
	p.client.Close()
	v.tally.add("leaves")
}

func (v *visit) leave(ctx context.Context) error {
	p, err := v.enter(ctx, client.Config{})
	if err != nil {
		return err
	}
	defer v.goodbye(p)
	if err := p.client.Chat("Hello, everybody."); err != nil {
		return err
	}
	return v.remain(ctx, p, v.stay)
}

func (v *visit) migrate(ctx context.Context) error {
	p, err := v.enter(ctx, client.Config{})
	if err != nil {
		return err
	}
	defer v.goodbye(p)
	times := 1 + v.dice.IntN(3)
	for range times {
		if err := v.remain(ctx, p, v.stay/time.Duration(times+1)); err != nil {
			return err
		}
		migrating, cancel := context.WithTimeout(ctx, 2*migrateTimeout)
		_, err := p.client.Migrate(migrating)
		cancel()
		if err != nil {
			return err
		}
		v.tally.add("migrations")
	}
	return v.remain(ctx, p, v.stay/time.Duration(times+1))
}

// rebind goes over a lab link, whose socket is replaced, or whose network is changed.
func (v *visit) rebind(ctx context.Context) error {
	verdict := make(chan string, 16)
	p, err := v.enter(ctx, client.Config{Lab: true, OnEvent: func(e client.Event) {
		if e, ok := e.(client.Switched); ok {
			select {
			case verdict <- e.Handover.Verdict:
			default:
			}
		}
	}})
	if err != nil {
		return err
	}
	defer v.goodbye(p)
	if err := v.remain(ctx, p, v.stay/2); err != nil {
		return err
	}
	var links []struct{ ID, Connection string }
	if err := v.ask(ctx, http.MethodGet, "/api/links", nil, &links); err != nil {
		return err
	}
	for _, l := range links {
		if l.Connection != p.client.Connection() {
			continue
		}
		change := []map[string]any{{"rebind": true}, {"network": "cellular", "style": "hard"}, {"network": "cellular", "style": "soft"}}[v.dice.IntN(3)]
		if err := v.ask(ctx, http.MethodPatch, "/api/links/"+l.ID, change, nil); err != nil {
			return err
		}
		v.tally.add("rebindings")
		select {
		case <-verdict:
		case <-time.After(2 * migrateTimeout):
			return errors.New("the server has not noticed")
		case <-ctx.Done():
		}
		return v.remain(ctx, p, v.stay/2)
	}
	return errors.New("the server does not know whose the link is")
}

// stall takes nothing any more of what comes, while its QUIC acknowledges all that there is room for: flow control then stops the server.
func (v *visit) stall(ctx context.Context) error {
	over := make(chan struct{})
	p, err := v.enter(ctx, client.Config{
		OnVideo: func(signaling.Track, *media.Frame) { <-over }, OnAudio: func(signaling.Track, []byte) { <-over },
	})
	if err != nil {
		close(over)
		return err
	}
	defer v.goodbye(p)
	defer close(over)
	v.tally.add("stalls")
	return v.remain(ctx, p, longestStay/4+v.stay)
}

// die is a process that is killed: it reads nothing after its Welcome, sends half a frame, and its socket is gone.
func (v *visit) die(ctx context.Context) error { return v.vanish(ctx, v.dialQUIC) }

func (v *visit) dieTCP(ctx context.Context) error { return v.vanish(ctx, v.dialTCP) }

func (v *visit) vanish(ctx context.Context, dial dialBare) error {
	b, _, err := v.enterBare(ctx, dial)
	if err != nil {
		return err
	}
	defer b.die()
	defer v.tally.add("kills")
	if v.publishes {
		if err := b.beginVideo(); err != nil {
			return err
		}
	}
	return b.report(ctx, v.stay)
}

// resume loses its connection without a word, is silent for a while, and is taken over by another session.
func (v *visit) resume(ctx context.Context) error {
	dial := v.dialQUIC
	if v.dice.IntN(4) == 0 {
		dial = v.dialTCP
	}
	b, welcome, err := v.enterBare(ctx, dial)
	if err != nil {
		return err
	}
	err = b.report(ctx, v.stay/2)
	b.die()
	if err != nil {
		return err
	}
	if err := sleep(ctx, time.Duration(v.dice.Int64N(int64(6*time.Second)))); err != nil {
		return err
	}
	p, err := v.enter(ctx, client.Config{Token: welcome.Token})
	if err != nil {
		return err
	}
	defer v.goodbye(p)
	if p.client.ID() != welcome.Participant {
		return errors.New("resumed as somebody else")
	}
	v.tally.add("resumptions")
	return v.remain(ctx, p, v.stay/2)
}

func (v *visit) leaveTCP(ctx context.Context) error {
	b, _, err := v.enterBare(ctx, v.dialTCP)
	if err != nil {
		return err
	}
	defer b.die()
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		for {
			if _, err := b.read(ctx); err != nil {
				return
			}
		}
	}()
	if v.publishes {
		if err := b.beginVideo(); err != nil {
			return err
		}
	}
	if err := b.report(ctx, v.stay); err != nil {
		return err
	}
	if err := b.send(signaling.Leave{}); err != nil {
		return err
	}
	select {
	case <-reading:
		v.tally.add("leaves")
		return nil
	case <-time.After(benchJoinTimeout):
		return errors.New("the server has not ended the session")
	}
}

// stallTCP neither reads nor says anything, on a connection that stays: for so long that the server may give it up.
func (v *visit) stallTCP(ctx context.Context) error {
	b, _, err := v.enterBare(ctx, v.dialTCP)
	if err != nil {
		return err
	}
	defer b.die()
	v.tally.add("stalls")
	return sleep(ctx, longestStay/4+v.stay)
}

// nonsense are first messages that are none: silence, lengths without bodies, and bodies that are no join.
var nonsense = [][]byte{
	nil, {0}, {0xff, 0xff, 0xff, 0xff}, {0, 0, 1, 0, '{'}, framed("nonsense"), framed("{}"), framed(`{"type":"leave"}`),
	framed(`{"type":"join","version":999}`), framed(`{"type":"join","version":1,"room":"../.."}`), framed(`{"type":"join","version":1,"room":"soak-1"}`),
	framed(`{"type":"join","version":1,"room":"soak-1","name":"Eve","token":"guessed"}`),
}

func framed(body string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func (v *visit) talkNonsense(ctx context.Context) error {
	dial := v.dialQUIC
	if v.dice.IntN(2) == 0 {
		dial = v.dialTCP
	}
	b, err := dial(ctx)
	if err != nil {
		return err
	}
	defer b.die()
	v.tally.add("nonsense")
	if err := b.write(nonsense[v.dice.IntN(len(nonsense))]); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, v.stay)
	defer cancel()
	for { // a Goodbye, or nothing as long as this one waits
		if _, err := b.read(ctx); err != nil {
			return nil
		}
	}
}

// watch is a dashboard, or one that does not read.
func (v *visit) watch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, v.stay+time.Second)
	defer cancel()
	reads := v.dice.IntN(2) == 0
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if tcp, ok := conn.(*net.TCPConn); ok && !reads {
			tcp.SetReadBuffer(4 << 10)
		}
		return conn, err
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.server.url+"/api/events", nil)
	if err != nil {
		return err
	}
	res, err := web.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /api/events: %s", res.Status)
	}
	v.tally.add("dashboards")
	if reads {
		io.Copy(io.Discard, res.Body) // until the time is over
	} else {
		<-ctx.Done()
	}
	return nil
}

// makeLink makes a lab link that nobody comes over.
func (v *visit) makeLink(ctx context.Context) error {
	if err := v.ask(ctx, http.MethodPost, "/api/links", map[string]any{"room": v.room}, nil); err != nil {
		return err
	}
	v.tally.add("links")
	return nil
}

// once is for requests that leave no connection behind.
var once = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: benchJoinTimeout}

// ask asks the server's HTTP API.
func (v *visit) ask(ctx context.Context, method, path string, body, answer any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, v.server.url+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := once.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(answer)
}
