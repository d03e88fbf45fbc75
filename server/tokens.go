package server

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// tokens finds participants by the tokens that resume them. Server.mu guards it, and the tokens of its participants.
//
// A token works once: each resumption brings the next. But the Welcome that carries the next may be lost with its connection, and then an older one is
// all that the participant has. So those stay good until the newest session is heard of, which shows that its Welcome arrived: nothing is sent
// before.
//
// Only hashes are held, so that what is kept over a restart lets nobody in. Tokens are too random to be guessed from them.
type tokens map[tokenHash]*participant

// tokenHash is the SHA-256 of a token, in hex.
type tokenHash string

func hashToken(token string) tokenHash {
	sum := sha256.Sum256([]byte(token))
	return tokenHash(hex.EncodeToString(sum[:]))
}

// maxTokens bounds those of one participant.
const maxTokens = 4

// issue returns p's next token.
func (t tokens) issue(p *participant) string {
	token := rand.Text()
	t.add(p, hashToken(token))
	t.keep(p, maxTokens)
	return token
}

// add lets a token resume p.
func (t tokens) add(p *participant, h tokenHash) {
	t[h] = p
	p.tokens = append(p.tokens, h)
}

// find returns whom a token resumes, or nil.
func (t tokens) find(token string) *participant { return t[hashToken(token)] }

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
