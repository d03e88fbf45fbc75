package path

import "time"

const (
	initialRTT         = 333 * time.Millisecond // kInitialRtt, RFC 9002, section 6.2.2
	timerGranularity   = time.Millisecond       // kGranularity, RFC 9002, section 6.1.2
	defaultMaxAckDelay = 25 * time.Millisecond  // RFC 9000, section 18.2
)

// PTO is the probe timeout of RFC 9002, section 6.2.1, for the application data packet number space.
func PTO(smoothedRTT, rttVar, maxAckDelay time.Duration) time.Duration {
	return smoothedRTT + max(4*rttVar, timerGranularity) + maxAckDelay
}

// validationTimeout is how long a path may take to answer: three times the larger of the current PTO and the PTO of a new path, of which
// nothing is known but kInitialRtt (RFC 9000, section 8.2.4).
func validationTimeout(current time.Duration) time.Duration {
	return 3 * max(current, PTO(initialRTT, initialRTT/2, defaultMaxAckDelay))
}
