package server

import "crypto/rand"

// tokens finds participants by the tokens that resume them. Server.mu guards it, and the tokens of its participants.
//
// A token works once: each resumption brings the next. But the Welcome that carries the next may be lost with its connection, and then the
// one that was used is all that the participant has. So it stays good until the new session is heard of, which shows that the Welcome arrived: nothing is
// sent before.
type tokens map[string]*participant

// issue gives p its next token, after used; "" for the first.
func (t tokens) issue(p *participant, used string) {
	if used != p.token {
		delete(t, p.token) // came with a Welcome that was lost
	}
	if used != p.usedToken {
		delete(t, p.usedToken)
	}
	p.token, p.usedToken = rand.Text(), used
	t[p.token] = p
}

// received notes that p has its newest token.
func (t tokens) received(p *participant) {
	delete(t, p.usedToken)
	p.usedToken = ""
}

func (t tokens) forget(p *participant) {
	delete(t, p.token)
	delete(t, p.usedToken)
}
