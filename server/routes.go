package server

import (
	"io"
	"net/http"
	"net/http/pprof"

	"github.com/gorilla/mux"

	"github.com/roamcall/roamcall/server/internal/web"
)

// sessionPath is where WebTransport sessions are opened.
const sessionPath = "/wt"

// routes serves page and API alike over HTTP, HTTPS and HTTP/3.
func (s *Server) routes() http.Handler {
	r := mux.NewRouter()
	r.HandleFunc(sessionPath, s.handleSession)
	r.Handle("/ws", web.Get(s.handleWebSocket))
	r.Handle("/healthz", web.Get(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") }))
	r.Handle("/readyz", web.Get(s.ready))

	api := r.PathPrefix("/api").Subrouter()
	api.Use(s.sameSite)
	operator := s.operatorOnly
	api.Handle("/config", web.Get(s.getConfig))
	api.Handle("/operator", web.Methods{"POST": s.becomeOperator})
	api.Handle("/links", web.Methods{"GET": operator(s.listLinks), "POST": s.createLink, "PATCH": operator(s.changeLinks)})
	api.Handle("/links/{id}", web.Methods{"GET": s.getLink, "PATCH": s.changeLink})
	api.Handle("/links/{id}/attack", web.Methods{"GET": s.overLink(s.getAttack), "POST": s.overLink(s.startAttack), "DELETE": s.overLink(s.stopAttack)})
	api.Handle("/compare", web.Methods{"POST": s.createComparison})
	api.Handle("/compare/runs", web.Methods{"GET": s.listRuns, "POST": s.addRun, "DELETE": operator(s.clearRuns)})
	api.Handle("/compare/{id}", web.Methods{"GET": s.getComparison, "PATCH": s.changeComparison, "DELETE": s.deleteComparison})
	api.Handle("/calls", web.Get(operator(s.listCalls)))
	api.Handle("/connections", web.Get(operator(s.listConnections)))
	api.Handle("/connections/{id}", web.Get(operator(s.getConnection)))
	api.Handle("/connections/{id}/qlog", web.Methods{"GET": operator(s.readQlog), "POST": operator(s.startQlog), "DELETE": operator(s.stopQlog)})
	api.Handle("/events", web.Get(operator(s.streamEvents)))
	api.Handle("/marks", web.Methods{"POST": operator(s.markMoment)})
	api.Handle("/lesson", web.Methods{"GET": s.getLesson, "PUT": operator(s.leadLesson)})
	api.Handle("/lesson/tcp", web.Methods{"GET": s.getTCP, "POST": s.endTCP})
	api.Handle("/lesson/migration", web.Methods{"POST": s.runMigration})
	api.PathPrefix("/").HandlerFunc(web.NotFound)
	r.Handle("/metrics", web.Get(operator(s.metrics.handler.ServeHTTP)))
	r.Handle("/debug/pprof/profile", web.Get(operator(pprof.Profile)))
	r.Handle("/debug/pprof/trace", web.Get(operator(pprof.Trace)))
	r.PathPrefix("/debug/pprof/").Handler(web.Get(operator(pprof.Index)))

	page := web.Page()
	for _, path := range []string{
		"/", "/call/{room}", "/dashboard", "/report/{connection}", "/replay", "/replay/sample", "/lesson", "/lesson/compare", "/lesson/attack",
	} {
		r.Handle(path, page)
	}
	r.PathPrefix("/assets/").Handler(web.Assets())
	r.NotFoundHandler = http.HandlerFunc(web.NotFound)
	return web.Secure(r)
}

// sameSite refuses requests that pages of others make with the visitor's access to this server.
func (s *Server) sameSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.access.originAllowed(r) {
			web.WriteError(w, http.StatusForbidden, "Pages from other hosts may not use this server.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) operatorOnly(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.access.operator(r) {
			web.WriteError(w, http.StatusUnauthorized, "This needs the operator's key, which the server printed when it started.")
			return
		}
		next(w, r)
	}
}
