package server

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/server/link"
)

// openTCPLinks listens where stream links end. It is a port of its own, on loopback, at which there is nothing but /ws: what comes over a link comes from a
// loopback address wherever its participant is, and whoever has got a connection through to the API from there would be taken for the operator.
func (s *Server) openTCPLinks() error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("cannot listen for TCP links: %w", plainError(err))
	}
	s.linked = l
	only := http.NewServeMux()
	only.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawQuery = "" // no link through a link
		s.handleWebSocket(w, r)
	})
	s.linkedWeb = &http.Server{
		Handler: only, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10, ConnContext: withTCP,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.linkedWeb.SetKeepAlivesEnabled(false) // one session each: a request that is refused ends its connection
	return nil
}

// carryWebSocket is /ws?link=ID: the same session over the TCP of a stream link. What the request asks for is asked again at the other end of the link; until
// that answers, over the emulated network, the participant waits.
func (s *Server) carryWebSocket(w http.ResponseWriter, r *http.Request) {
	if !s.access.originAllowed(r) {
		web.WriteError(w, http.StatusForbidden, "Pages from other hosts may not use this server.")
		return
	}
	l, ok := s.streamLink(r.URL.Query().Get("link"))
	if !ok {
		web.WriteError(w, http.StatusNotFound, "There is no such link.")
		return
	}
	if r.ProtoMajor != 1 || r.Header.Get("Sec-WebSocket-Key") == "" {
		web.WriteError(w, http.StatusUpgradeRequired, "This address takes WebSockets over HTTP/1.1.")
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		web.WriteError(w, http.StatusInternalServerError, "The connection cannot be carried over a link.")
		return
	}
	head := upgradeRequest(r, s.linked.Addr().String())
	if n := buffered.Reader.Buffered(); n > 0 {
		early := make([]byte, n)
		io.ReadFull(buffered.Reader, early) // of what is buffered already
		head = append(head, early...)
	}
	if err := l.Carry(conn, head); err != nil {
		s.log.Debug("connection not carried", "link", l.ID(), "err", err)
	}
}

func (s *Server) streamLink(id string) (*link.StreamLink, bool) {
	if s.links == nil {
		return nil, false
	}
	return s.links.Stream(id)
}

// upgradeRequest asks for the WebSocket that r asks for (RFC 6455, section 4.1). Where the page comes from has been checked: as a program it sends no origin.
func upgradeRequest(r *http.Request, host string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", host)
	for _, name := range []string{"Sec-WebSocket-Version", "Sec-WebSocket-Key"} {
		fmt.Fprintf(&b, "%s: %s\r\n", name, r.Header.Get(name)) // net/http lets no line break into a value
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// overStream tells whether a session comes over a stream link.
func (s *Server) overStream(session *session) bool {
	remote, ok := session.wire.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return false
	}
	_, _, ok = s.networkOf(addrPort(remote))
	return ok
}
