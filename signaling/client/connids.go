package client

import (
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlogwriter"
)

// connIDs lets a connection that moves to another path go on with the connection ID that it probed that path with.
//
// quic-go v0.64.1 takes a fresh connection ID of the peer's to probe a path, but after the switch it sends on the new path with the ID that it used on the old one,
// which RFC 9000, section 9.5 forbids: who watches both networks could tell that it is one connection. v0.65.0 has connIDManager.SwitchToPath for it. Until that
// can be used the IDs are exchanged here, through unexported fields. With a quic-go that has no such fields nothing happens.
//
// The moment is known from the events that quic-go reports on the connection's own goroutine: at the switch, before the first packet is made for the new path, it
// reports the parameters of loss recovery, which begins anew there (RFC 9000, section 9.4).
type connIDs struct {
	conn atomic.Pointer[quic.Conn]
	to   atomic.Pointer[quic.Path] // that the connection is about to switch to; nil if it is not
}

// recoveryBegins is the event's name in qlog.
const recoveryBegins = "quic:recovery_parameters_set"

// AddProducer implements qlogwriter.Trace.
func (c *connIDs) AddProducer() qlogwriter.Recorder { return c }

// SupportsSchemas implements qlogwriter.Trace: none, so that HTTP/3 adds no events of its own.
func (c *connIDs) SupportsSchemas(string) bool { return false }

// RecordEvent implements qlogwriter.Recorder.
func (c *connIDs) RecordEvent(ev qlogwriter.Event) {
	if c.to.Load() == nil || ev.Name() != recoveryBegins {
		return
	}
	if path := c.to.Swap(nil); path != nil {
		adopt(c.conn.Load(), path)
	}
}

// Close implements qlogwriter.Recorder.
func (c *connIDs) Close() error { return nil }

// adopt makes the ID that path was probed with the one in use, and retires the one that was.
func adopt(conn *quic.Conn, path *quic.Path) {
	number := reflect.ValueOf(path).Elem().FieldByName("id")
	manager := reflect.ValueOf(conn).Elem().FieldByName("connIDManager")
	if !number.CanInt() || manager.Kind() != reflect.Pointer || manager.IsNil() {
		return
	}
	if _, fixed := manager.Type().MethodByName("SwitchToPath"); fixed {
		return
	}
	manager = writable(manager)
	retire := manager.MethodByName("RetireConnIDForPath")
	for _, name := range []string{"pathMx", "pathProbing", "activeSequenceNumber", "activeConnectionID", "activeStatelessResetToken"} {
		if !manager.Elem().FieldByName(name).IsValid() || !retire.IsValid() {
			return
		}
	}
	id := reflect.ValueOf(number.Int()).Convert(retire.Type().In(0))
	if exchange(manager.Elem(), id) {
		retire.Call([]reflect.Value{id}) // of what is the path's now: the ID that was in use
	}
}

// exchange swaps the ID in use with that of a path. It reports false if the path has none, as with a peer whose IDs have zero length.
func exchange(manager, path reflect.Value) bool {
	field := func(name string) reflect.Value { return writable(manager.FieldByName(name)) }
	lock := field("pathMx").Addr().Interface().(*sync.Mutex)
	lock.Lock()
	defer lock.Unlock()
	probing := field("pathProbing")
	next := probing.MapIndex(path)
	if !next.IsValid() {
		return false
	}
	last := reflect.New(next.Type()).Elem()
	sequence, id, token := field("activeSequenceNumber"), field("activeConnectionID"), field("activeStatelessResetToken")
	last.FieldByName("SequenceNumber").Set(sequence)
	last.FieldByName("ConnectionID").Set(id)
	if !token.IsNil() {
		last.FieldByName("StatelessResetToken").Set(token.Elem())
	}
	probing.SetMapIndex(path, last)
	sequence.Set(next.FieldByName("SequenceNumber"))
	id.Set(next.FieldByName("ConnectionID"))
	reset := reflect.New(token.Type().Elem())
	reset.Elem().Set(next.FieldByName("StatelessResetToken"))
	token.Set(reset)
	return true
}

// writable is a field without the mark of not being exported.
func writable(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}
