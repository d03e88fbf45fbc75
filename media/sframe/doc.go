// Package sframe encrypts media from end to end: Secure Frame (RFC 9605) with the cipher suite AES_128_GCM_SHA256_128, and how those in a call
// come by their keys. It takes and returns payloads; it knows neither RTP nor codecs. The page has the same in web/src/media/sframe.ts, and
// the tests of both read testdata.
//
// # Ciphertext
//
// A payload becomes a header, as many encrypted bytes, and a tag of 16 bytes (RFC 9605, sections 4.2 and 4.3):
//
//	 0 1 2 3 4 5 6 7
//	+-+-----+-+-----+------------+------------+-----------+----------+
//	|X|  K  |Y|  C  |   KID...   |   CTR...   | encrypted | tag (16) |
//	+-+-----+-+-----+------------+------------+-----------+----------+
//
//	X, K  the key identifier itself below 8 (X = 0), or the number of its bytes less one (X = 1)
//	Y, C  the same for the counter
//
// The header is authenticated with the payload; there is no other metadata. In a call of days it has 9 to 12 bytes, so a payload grows by 25 to 28.
//
// # Keys
//
// What is shared is a [Secret]. Each track draws a random KID of 64 bits when it is made, and
//
//	base_key = HKDF-SHA256(secret, salt "", info "Roamcall 1.0 Base key " + KID, 32 bytes)
//
// with the KID as 8 bytes, big-endian. From it key and salt follow as in section 4.4.2. So no two tracks share a key (section 4.4.1: a base key
// has one sender), each counts from 0, and a receiver needs nothing but the secret and the header. A track that is published again on another
// connection is the same track and counts on; one that is made anew has another KID.
//
// # What this is not
//
// All who have the secret can read everything and could pass for each other (section 7.2). Anti-replay is the application's (section 9.3): here a
// receiver drops sequence numbers that it has had, and decoders have no use for a frame of the past. That keeps out accidents; the sequence number
// itself is not authenticated, so a malicious relay could play again what was said before, but not change it.
//
// # Concurrency
//
// An [Encryptor] may be used by any goroutine, a [Decryptor] by one at a time.
package sframe
