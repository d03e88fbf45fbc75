package path

import (
	"net"
	"reflect"
	"unsafe"

	"github.com/quic-go/quic-go"
)

// pathIDs gives back the peer's connection IDs that quic-go took to validate paths and then forgot.
//
// quic-go v0.64.1 takes a fresh connection ID for every path that it probes (RFC 9000, section 9.5), but when it goes over to a path it neither
// uses that ID nor retires it (connIDManager.pathProbing keeps it; v0.65.0 has connIDManager.SwitchToPath for it). A peer whose connection IDs
// are not empty, such as Firefox, may have four at a time, so it runs out after three new paths: the next one is not even probed, and the
// connection dies in silence. Until v0.65 can be used, the IDs are retired here, through an unexported field. With a quic-go that has no such
// fields nothing happens.
//
// Its methods are called on the connection's own goroutine only, like everything that quic-go does with these IDs.
type pathIDs struct {
	addr net.Addr // that quic-go sent to when last looked at
	seen int64    // quic-go's number of the first path that may still hold an ID
}

// follow looks whether the connection has just gone over to another path; all paths before are history to quic-go then.
func (p *pathIDs) follow(conn *quic.Conn) {
	addr := conn.RemoteAddr()
	if addr == p.addr {
		return
	}
	if p.addr != nil {
		p.retire(conn)
	}
	p.addr = addr
}

func (p *pathIDs) retire(conn *quic.Conn) {
	c := reflect.ValueOf(conn).Elem()
	paths, ids := c.FieldByName("pathManager"), c.FieldByName("connIDManager")
	if paths.Kind() != reflect.Pointer || paths.IsNil() || ids.Kind() != reflect.Pointer || ids.IsNil() {
		return
	}
	if _, fixed := ids.Type().MethodByName("SwitchToPath"); fixed {
		return
	}
	next := paths.Elem().FieldByName("nextPathID")
	if !next.CanInt() {
		return
	}
	// The value without the mark of having come from an unexported field, which would forbid the call.
	retire := reflect.NewAt(ids.Type(), unsafe.Pointer(ids.UnsafeAddr())).Elem().MethodByName("RetireConnIDForPath")
	if !retire.IsValid() || retire.Type().NumIn() != 1 || retire.Type().In(0).Kind() != reflect.Int64 {
		return
	}
	for ; p.seen < next.Int(); p.seen++ {
		retire.Call([]reflect.Value{reflect.ValueOf(p.seen).Convert(retire.Type().In(0))})
	}
}
