package server

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/server/link"
	"github.com/roamcall/roamcall/signaling"
)

// switchedLinks is what became of a request to switch everybody's network.
type switchedLinks struct {
	Network   string     `json:"network"`
	Style     link.Style `json:"style"`
	Room      string     `json:"room,omitempty"`
	Switched  int        `json:"switched"`     // links that changed, or that began to walk
	Unchanged int        `json:"unchanged"`    // that were on the network already
	NoLink    int        `json:"without_link"` // participants that are connected past the lab: there is nothing to switch
	Failed    []labError `json:"failed"`       // the others: nothing has changed for them
}

// labError is a link that could not be switched, and whose it is.
type labError struct {
	Link        string `json:"link"`
	Participant string `json:"participant"`
	Name        string `json:"name"`
	Room        string `json:"room"`
	Error       string `json:"error"`
}

// changeLinks is PATCH /api/links: it switches the networks of all links that carry a session, or of those of one room. It is for the operator.
func (s *Server) changeLinks(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Network string `json:"network"`
		Style   string `json:"style"`
		Room    string `json:"room"`
	}
	if !web.ReadJSON(w, r, &body) {
		return
	}
	if s.links == nil {
		web.WriteError(w, http.StatusNotFound, "This server runs without the lab (--no-lab).")
		return
	}
	out := switchedLinks{Network: body.Network, Style: link.Style(cmp.Or(body.Style, string(link.Hard))), Room: body.Room, Failed: []labError{}}
	// What is wrong with the request is wrong for every link, and is told as one error.
	if err := s.checkSwitch(out); err != nil {
		web.WriteError(w, http.StatusBadRequest, err.Error())
		return
	}
	used, without := s.usedLinks(body.Room)
	out.NoLink = without
	for _, u := range used {
		changed, err := u.link.Switch(body.Network, out.Style)
		switch {
		case err != nil:
			out.Failed = append(out.Failed, labError{u.link.ID(), u.participant.id, u.participant.name, u.participant.call.room, err.Error()})
		case changed:
			out.Switched++
		default:
			out.Unchanged++
		}
	}
	s.log.Info("all networks switched", "network", out.Network, "style", out.Style, "room", out.Room, "switched", out.Switched, "unchanged", out.Unchanged,
		"failed", len(out.Failed))
	web.WriteJSON(w, http.StatusOK, out)
}

func (s *Server) checkSwitch(wanted switchedLinks) error {
	if _, err := link.ParseStyle(string(wanted.Style)); err != nil {
		return err
	}
	if !slices.ContainsFunc(s.links.Networks(), func(n link.Network) bool { return n.Name == wanted.Network }) {
		return fmt.Errorf("%w %q", link.ErrUnknownNetwork, wanted.Network)
	}
	if wanted.Room != "" {
		return signaling.CheckRoom(wanted.Room)
	}
	return nil
}

// usedLink is a link that carries a session, with one of those whose it is.
type usedLink struct {
	link        *link.Link
	participant *participant
}

// usedLinks are the links that carry sessions, oldest first, each once although an old session may still be there beside the one that resumed it, and how many
// participants have a session and no link. A room that is not "" leaves out the others. Those of comparisons are not among them: they are switched together, by their page.
func (s *Server) usedLinks(room string) (used []usedLink, without int) {
	owners, past := map[string]*participant{}, map[*participant]bool{}
	s.mu.Lock()
	for _, session := range s.sessions {
		p := session.participant
		switch id := session.linkID(); {
		case room != "" && p.call.room != room:
		case id != "":
			owners[id] = p
		case s.overStream(session):
		default:
			past[p] = true
		}
	}
	s.mu.Unlock()
	for _, l := range s.links.List() {
		if p := owners[l.ID()]; p != nil && !s.comparisons.have(l.ID()) {
			used = append(used, usedLink{l, p})
			delete(past, p)
		}
	}
	return used, len(past)
}
