package server

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/server/path"
)

// pageConfig is what a page needs before it can join.
type pageConfig struct {
	Version         string            `json:"version"`
	WebTransportURL string            `json:"webtransport_url"`
	Hashes          []certificateHash `json:"certificate_hashes"` // to pin at WebTransportURL; empty where the certificate from files is shown
	SelfSigned      []certificateHash `json:"self_signed_hashes"` // to pin where the host is an address, as a companion's is, whatever name it asks under
	Public          bool              `json:"certificate_public"` // others who open this host are not warned, as far as the server can know
	Lab             bool              `json:"lab"`
	MaxParticipants int               `json:"max_participants"`
	LANURLs         []string          `json:"lan_urls"`
	Operator        bool              `json:"operator"` // the asker may see the dashboard of everybody
}

type certificateHash struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"` // hex
}

// sessionHost is the host for sessions of who asked for a page under r.Host. On this machine it is the numeric address: "localhost" may be
// looked up as an IPv6 address that the server does not listen on. If it listens on one address only, that one is it.
func (s *Server) sessionHost(r *http.Request) string {
	only := s.UDPAddr().Addr()
	switch {
	case !web.IsLoopback(r.Host):
		return web.Hostname(r.Host)
	case !only.IsUnspecified():
		return only.String()
	case web.Hostname(r.Host) == "::1" && only.Is6():
		return "::1"
	}
	return "127.0.0.1"
}

func (s *Server) getConfig(w http.ResponseWriter, r *http.Request) {
	if s.stopping() { // who asks where to open a session should ask the next process
		if r.ProtoMajor < 3 { // HTTP/3 forbids the field (RFC 9114, section 4.2); that of HTTP/2 becomes a GOAWAY
			w.Header().Set("Connection", "close")
		}
		web.WriteError(w, http.StatusServiceUnavailable, "The server stops.")
		return
	}
	sums, err := s.certs.hashes()
	if err != nil {
		s.log.Error("no certificate", "err", err)
		web.WriteError(w, http.StatusInternalServerError, "The server has no certificate.")
		return
	}
	selfSigned := make([]certificateHash, len(sums))
	for i, sum := range sums {
		selfSigned[i] = certificateHash{"sha-256", sum}
	}
	host := s.sessionHost(r)
	public := s.certs.covers(host)
	pinned := selfSigned
	if public {
		pinned = []certificateHash{}
	}
	web.WriteJSON(w, http.StatusOK, pageConfig{
		Version:         s.config.Version,
		WebTransportURL: "https://" + hostPort(host, s.UDPAddr().Port()) + sessionPath,
		Hashes:          pinned,
		SelfSigned:      selfSigned,
		Public:          public,
		Lab:             s.links != nil,
		MaxParticipants: s.config.MaxParticipants,
		LANURLs:         s.LANURLs(),
		Operator:        s.access.operator(r),
	})
}

// becomeOperator exchanges the key for a cookie.
func (s *Server) becomeOperator(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Key string `json:"key"`
	}
	if !web.ReadJSON(w, r, &body) {
		return
	}
	if !s.access.checkKey(body.Key) {
		web.WriteError(w, http.StatusUnauthorized, "That is not the operator's key.")
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: operatorCookie, Value: s.access.cookie(), Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if s.stopping() {
		web.WriteError(w, http.StatusServiceUnavailable, "The server stops.")
		return
	}
	w.Write([]byte("ok\n"))
}

func (s *Server) listCalls(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	calls := make([]*call, 0, len(s.calls))
	for _, c := range s.calls {
		calls = append(calls, c)
	}
	s.mu.Unlock()
	out := make([]callInfo, 0, len(calls))
	for _, c := range calls {
		out = append(out, c.info())
	}
	slices.SortFunc(out, func(a, b callInfo) int { return cmp.Compare(a.Room, b.Room) })
	web.WriteJSON(w, http.StatusOK, out)
}

func (s *Server) listConnections(w http.ResponseWriter, _ *http.Request) {
	web.WriteJSON(w, http.StatusOK, s.observer.Hub().Snapshots())
}

func (s *Server) getConnection(w http.ResponseWriter, r *http.Request) {
	snapshot, ok := s.observer.Hub().Snapshot(mux.Vars(r)["id"])
	if !ok {
		web.WriteError(w, http.StatusNotFound, "There is no such connection.")
		return
	}
	web.WriteJSON(w, http.StatusOK, snapshot)
}

func (s *Server) startQlog(w http.ResponseWriter, r *http.Request) {
	s.qlogResult(w, s.observer.StartQlog(mux.Vars(r)["id"]))
}

func (s *Server) stopQlog(w http.ResponseWriter, r *http.Request) {
	s.qlogResult(w, s.observer.StopQlog(mux.Vars(r)["id"]))
}

// readQlog sends what is recorded up to now, in the JSON text sequence format that qvis opens.
func (s *Server) readQlog(w http.ResponseWriter, r *http.Request) {
	id := mux.Vars(r)["id"]
	var recording bytes.Buffer // bounded by path; so that an error is an answer and not a broken file
	if err := s.observer.ReadQlog(id, &recording); err != nil {
		s.qlogResult(w, err)
		return
	}
	name := "connection"
	if _, err := hex.DecodeString(id); err == nil {
		name = id
	}
	w.Header().Set("Content-Type", "application/qlog+json-seq")
	w.Header().Set("Content-Disposition", `attachment; filename="roamcall-`+name+`.sqlog"`)
	recording.WriteTo(w)
}

func (s *Server) qlogResult(w http.ResponseWriter, err error) {
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, path.ErrUnknownConnection), errors.Is(err, path.ErrNoQlog):
		web.WriteError(w, http.StatusNotFound, err.Error())
	default:
		web.WriteError(w, http.StatusConflict, err.Error())
	}
}
