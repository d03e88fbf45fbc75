package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roamcall/roamcall/signaling/client"
)

// results are what all participants count together.
type results struct {
	measuring atomic.Bool
	bytes     atomic.Int64 // of RTP packets that came
	gotVideo  atomic.Int64 // frames
	gotAudio  atomic.Int64 // packets
	sentVideo atomic.Int64
	sentAudio atomic.Int64
	freezes   atomic.Int64
	video     delays // sender's stamp to the whole frame at the receiver
	audio     delays
	near, far delays       // of video, for those who do not change network: while others do, and else
	switched  atomic.Int64 // when others last began to, Unix time in ns

	mu        sync.Mutex
	joins     []float64 // ms
	firsts    []float64
	verdicts  map[string]int
	gapsDown  []float64
	gapsUp    []float64
	resumed   int
	failures  int
	lastError string
}

// delays are a distribution: counts by microseconds on a scale whose steps are 2 %.
type delays struct{ counts [1200]atomic.Int64 }

const delayStep = 1.02

func (d *delays) add(v time.Duration) {
	us := max(1, float64(v.Nanoseconds())/1000)
	d.counts[min(int(math.Log(us)/math.Log(delayStep)), len(d.counts)-1)].Add(1)
}

// quantile is in milliseconds; NaN if there is nothing.
func (d *delays) quantile(q float64) float64 {
	total := int64(0)
	for i := range d.counts {
		total += d.counts[i].Load()
	}
	rank, seen := int64(math.Ceil(q*float64(total))), int64(0)
	for i := range d.counts {
		if seen += d.counts[i].Load(); seen >= rank && seen > 0 {
			return math.Pow(delayStep, float64(i)+0.5) / 1000
		}
	}
	return math.NaN()
}

func (r *results) joined(d time.Duration)     { r.note(&r.joins, d) }
func (r *results) firstMedia(d time.Duration) { r.note(&r.firsts, d) }

func (r *results) note(to *[]float64, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*to = append(*to, milliseconds(d))
}

func (r *results) handover(h client.Handover) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.verdicts == nil {
		r.verdicts = map[string]int{}
	}
	r.verdicts[h.Verdict]++
	if h.Down.Measured {
		r.gapsDown = append(r.gapsDown, milliseconds(h.Down.LongestGap))
	}
	if h.Up.Measured {
		r.gapsUp = append(r.gapsUp, milliseconds(h.Up.LongestGap))
	}
}

func (r *results) reconnected(resumed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if resumed {
		r.resumed++
	}
}

func (r *results) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures++
	r.lastError = err.Error()
}

func (r *results) now() string {
	return fmt.Sprintf("%d frames and %d packets of sound received", r.gotVideo.Load(), r.gotAudio.Load())
}

// distribution is in milliseconds.
type distribution struct {
	Median  float64 `json:"p50"`
	P99     float64 `json:"p99"`
	P999    float64 `json:"p999"`
	Longest float64 `json:"max,omitempty"`
}

func (d *delays) distribution() *distribution {
	if math.IsNaN(d.quantile(0.5)) {
		return nil
	}
	return &distribution{Median: d.quantile(0.5), P99: d.quantile(0.99), P999: d.quantile(0.999)}
}

func distributionOf(values []float64) *distribution {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	at := func(q float64) float64 { return sorted[int(math.Ceil(q*float64(len(sorted))))-1] }
	return &distribution{at(0.5), at(0.99), at(0.999), sorted[len(sorted)-1]}
}

// benchReport is what a run found. CPU time, memory and what else is the server's is of its process alone, over the measured time; bytes are those of the RTP
// packets that its participants received.
type benchReport struct {
	Shape       string  `json:"shape"`
	Calls       int     `json:"calls"`
	Publishers  int     `json:"publishers"`
	Subscribers int     `json:"subscribers"`
	Video       string  `json:"video"`
	VideoBPS    int     `json:"video_bps"`
	Seconds     float64 `json:"seconds"`

	CPUSeconds         float64 `json:"cpu_seconds"`
	CPUPerGbit         float64 `json:"cpu_seconds_per_gbit"`
	CPUPerMillionAudio float64 `json:"cpu_seconds_per_million_audio_packets,omitempty"` // where there is nothing but sound
	EgressMbps         float64 `json:"egress_mbps"`
	AudioPerSecond     float64 `json:"audio_packets_per_second"`
	MallocsPerUnit     float64 `json:"mallocs_per_frame_and_packet"`
	ResidentMiB        float64 `json:"resident_mib"` // most
	ResidentPerPerson  float64 `json:"resident_kib_per_participant"`
	Goroutines         float64 `json:"goroutines_per_participant"`

	VideoDelay *distribution `json:"video_delay_ms,omitempty"`
	AudioDelay *distribution `json:"audio_delay_ms,omitempty"`
	NearDelay  *distribution `json:"video_delay_while_others_switch_ms,omitempty"` // of those who do not
	FarDelay   *distribution `json:"video_delay_while_nobody_switches_ms,omitempty"`
	QueueAge   *distribution `json:"queue_age_ms,omitempty"` // from the whole frame at the server until the connection has taken it, as the server says
	Join       *distribution `json:"join_ms"`
	FirstMedia *distribution `json:"first_media_ms"`
	Joins      int           `json:"joins"`

	Lost     float64        `json:"lost"` // fraction of frames and packets that others, later ones, prove to be missing
	Freezes  int64          `json:"freezes"`
	Verdicts map[string]int `json:"verdicts,omitempty"` // of the changes of network
	GapDown  *distribution  `json:"handover_gap_down_ms,omitempty"`
	GapUp    *distribution  `json:"handover_gap_up_ms,omitempty"`
	Failures int            `json:"failures"`
	Error    string         `json:"last_error,omitempty"`
}

func (l *benchLoad) report(before, start, end serverFigures, mostResident float64, took time.Duration) *benchReport {
	l.mu.Lock()
	lost, people, joins := l.gone, len(l.people), l.joins
	for _, p := range l.people {
		missed, expected := p.lost()
		lost.lost += missed
		lost.expected += expected
	}
	l.mu.Unlock()
	r := l.results
	r.mu.Lock()
	defer r.mu.Unlock()
	cpu, bits := end[cpuSeconds]-start[cpuSeconds], 8*float64(r.bytes.Load())
	units := float64(r.gotVideo.Load() + r.gotAudio.Load())
	report := &benchReport{
		Shape: l.flags.shape, Calls: l.flags.calls, Publishers: l.flags.publishers, Subscribers: l.flags.subscribers,
		Video: l.flags.video.name, VideoBPS: l.flags.video.bps, Seconds: took.Seconds(),
		CPUSeconds: cpu, CPUPerGbit: cpu / (bits / 1e9), EgressMbps: bits / 1e6 / took.Seconds(), AudioPerSecond: float64(r.gotAudio.Load()) / took.Seconds(),
		MallocsPerUnit: (end[mallocs] - start[mallocs]) / units, ResidentMiB: mostResident / (1 << 20),
		ResidentPerPerson: (mostResident - before[residentBytes]) / 1024 / float64(people), Goroutines: (end[goroutines] - before[goroutines]) / float64(people),
		VideoDelay: r.video.distribution(), AudioDelay: r.audio.distribution(), NearDelay: r.near.distribution(), FarDelay: r.far.distribution(),
		QueueAge: queueAge(start, end), Join: distributionOf(r.joins), FirstMedia: distributionOf(r.firsts), Joins: joins,
		Lost: float64(lost.lost) / float64(max(1, lost.expected)), Freezes: r.freezes.Load(),
		Verdicts: r.verdicts, GapDown: distributionOf(r.gapsDown), GapUp: distributionOf(r.gapsUp), Failures: r.failures, Error: r.lastError,
	}
	if r.gotVideo.Load() == 0 && r.gotAudio.Load() > 0 {
		report.CPUPerMillionAudio = 1e6 * cpu / float64(r.gotAudio.Load())
	}
	return report
}

func (b *benchReport) print(out io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-34s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(out, "%s: %d call(s) of %d who send (video %s) and %d who receive, %.0f s\n", b.Shape, b.Calls, b.Publishers, b.Video, b.Subscribers, b.Seconds)
	line("server CPU", "%.2f s, %.0f %% of a core", b.CPUSeconds, 100*b.CPUSeconds/b.Seconds)
	line("  per forwarded Gbit", "%.2f s", b.CPUPerGbit)
	if b.CPUPerMillionAudio > 0 {
		line("  per million packets of sound", "%.1f s, %.0f packets per second and core", b.CPUPerMillionAudio, 1e6/b.CPUPerMillionAudio)
	}
	line("  allocations per frame or packet", "%.1f", b.MallocsPerUnit)
	line("forwarded", "%.1f Mbit/s, %.0f packets of sound per second", b.EgressMbps, b.AudioPerSecond)
	line("server memory", "%.0f MiB resident at most, %.0f KiB and %.1f goroutines per participant", b.ResidentMiB, b.ResidentPerPerson, b.Goroutines)
	for _, d := range []struct {
		name string
		of   *distribution
	}{
		{"delay of a frame, end to end", b.VideoDelay}, {"  while others change network", b.NearDelay}, {"  while nobody does", b.FarDelay},
		{"  in the server", b.QueueAge}, {"delay of sound, end to end", b.AudioDelay}, {"time to join", b.Join}, {"  to the first frame or packet", b.FirstMedia},
		{"longest gap of a handover, down", b.GapDown}, {"  up", b.GapUp},
	} {
		if d.of != nil {
			line(d.name, "%.2f / %.2f / %.2f ms (median / p99 / p99.9)", d.of.Median, d.of.P99, d.of.P999)
		}
	}
	line("lost", "%.3f %%", 100*b.Lost)
	line("freezes", "%d", b.Freezes)
	if len(b.Verdicts) > 0 {
		line("handovers", "%v", b.Verdicts)
	}
	if b.Joins > b.Calls*(b.Publishers+b.Subscribers) {
		line("joins", "%d", b.Joins)
	}
	if b.Failures > 0 {
		line("failures", "%d, the last: %s", b.Failures, b.Error)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
