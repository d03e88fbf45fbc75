package server

import "crypto/rand"

// tokens finds participants by the tokens that resume them. Server.mu guards it, and the tokens of its participants.
//
// A token works once: each resumption brings the next. But the Welcome that carries the next may be lost with its connection, and then an older one is
// all that the participant has. So those stay good until the newest session is heard of, which shows that its Welcome arrived: nothing is sent
// before.
type tokens map[string]*participant

// maxTokens bounds those of one participant.
const maxTokens = 4

// issue gives p its next token.
func (t tokens) issue(p *participant) {
	token := rand.Text()
	t[token] = p
	p.tokens = append(p.tokens, token)
	t.keep(p, maxTokens)
}

// received notes that p has its newest token.
func (t tokens) received(p *participant) { t.keep(p, 1) }

func (t tokens) forget(p *participant) { t.keep(p, 0) }

// keep forgets all but the newest n tokens of p.
func (t tokens) keep(p *participant, n int) {
	for len(p.tokens) > n {
		delete(t, p.tokens[0])
		p.tokens = p.tokens[1:]
	}
}
