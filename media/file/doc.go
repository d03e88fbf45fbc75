// Package file reads media from disk and plays it as a participant would publish it: video from IVF, audio from Ogg Opus.
//
// The containers are read by parsers of this package: they are small, and the only Go readers in wide use for them live in a WebRTC
// implementation that would come along whole. Both are given files by the person who runs the program, yet trust nothing in them: sizes are bounded and
// memory grows with what is really there.
//
// # Time
//
// A [Player] counts media time from 0 when it starts. The RTP timestamp of both of its tracks at media time 0 is 0, and goes on through every
// repetition of the files: a receiver that knows that two tracks come from one participant plays them in step by dividing each timestamp by
// its clock rate, 90 kHz for video and 48 kHz for audio.
//
// # Concurrency
//
// Readers and writers are used by one goroutine. [Video] and [Audio] are immutable once loaded and may be shared by many players. A Player runs
// on the goroutine that calls Run and calls its callbacks there; what it hands out is not changed afterwards. Nothing here closes the
// readers it is given.
package file
