package path

import "slices"

// Bounds on what one endpoint's connection IDs may occupy. The live ones are few (active_connection_id_limit, RFC 9000, section 18.2),
// but a peer decides how often it replaces them.
const (
	maxRetiredIDs = 16
	maxIDs        = 64
)

// States of a connection ID.
const (
	idIssued  = "issued"
	idInUse   = "in_use"
	idRetired = "retired"
)

// idTable follows the connection IDs that one side issued.
type idTable struct {
	issuer Side
	ids    []ConnectionID // in the order they were issued
}

// issue adds an ID; it reports false if it is known: frames are retransmitted.
func (t *idTable) issue(sequence uint64, id string) (ConnectionID, bool) {
	for _, have := range t.ids {
		if have.Sequence == sequence {
			return ConnectionID{}, false
		}
	}
	c := ConnectionID{ID: id, Sequence: sequence, Issuer: t.issuer, State: idIssued}
	t.ids = append(t.ids, c)
	if len(t.ids) > maxIDs {
		t.ids = slices.Delete(t.ids, 0, 1)
	}
	return c, true
}

// use marks an ID as seen in a packet; it reports false if that is no news.
func (t *idTable) use(id string) (ConnectionID, bool) {
	// The newest first: if a peer issued the same ID twice (it must not), the later one is meant.
	for i := len(t.ids) - 1; i >= 0; i-- {
		if c := &t.ids[i]; c.ID == id {
			// A retired ID stays retired: packets that carry it were on their way when it was retired.
			if c.State != idIssued {
				return ConnectionID{}, false
			}
			c.State = idInUse
			return *c, true
		}
	}
	return ConnectionID{}, false
}

// retire marks an ID; it reports false if it is unknown or retired already.
func (t *idTable) retire(sequence uint64) (ConnectionID, bool) {
	i := slices.IndexFunc(t.ids, func(c ConnectionID) bool { return c.Sequence == sequence })
	if i < 0 || t.ids[i].State == idRetired {
		return ConnectionID{}, false
	}
	t.ids[i].State = idRetired
	c := t.ids[i]
	retired, first := 0, -1
	for j, have := range t.ids {
		if have.State == idRetired {
			retired++
			if first < 0 {
				first = j
			}
		}
	}
	if retired > maxRetiredIDs {
		t.ids = slices.Delete(t.ids, first, first+1)
	}
	return c, true
}

// find returns the newest record of an ID.
func (t *idTable) find(id string) (ConnectionID, bool) {
	for i := len(t.ids) - 1; i >= 0; i-- {
		if t.ids[i].ID == id {
			return t.ids[i], true
		}
	}
	return ConnectionID{}, false
}
