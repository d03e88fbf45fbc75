package media

import "fmt"

// BundleFlow is the flow identifier of a bundle: several datagrams that go to the same participant in one, so that the packets of several speakers cost one
// packet of QUIC. No track has it.
//
//	BundleFlow, then for each datagram: its length (varint), the datagram
const BundleFlow = 63

// appendBundled appends one datagram to a bundle.
func appendBundled(bundle, datagram []byte) []byte {
	return append(AppendVarint(bundle, uint64(len(datagram))), datagram...)
}

// bundledLen is what a datagram takes in a bundle.
func bundledLen(datagram []byte) int { return varintLen(uint64(len(datagram))) + len(datagram) }

// Unbundle calls f with each datagram of a bundle, whose flow identifier has been taken off. What f gets points into b. The error is of what cannot be read;
// f has been called with what was before it.
func Unbundle(b []byte, f func(datagram []byte)) error {
	for len(b) > 0 {
		size, n, err := ParseVarint(b)
		if err != nil {
			return fmt.Errorf("media: bundle: %w", err)
		}
		if size > uint64(len(b)-n) {
			return fmt.Errorf("media: bundle: a datagram of %d bytes in %d", size, len(b)-n)
		}
		f(b[n : n+int(size)])
		b = b[n+int(size):]
	}
	return nil
}
