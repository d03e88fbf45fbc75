// What a step of the rate did, from samples of the link.

export const WIDE = 3_000_000;
export const NARROW = 1_000_000;

/** Over so long rates are measured. */
const WINDOW_MS = 500;

/** What a packet of a full queue is taken to be long: most of them are full. */
const DROPPED_BYTES = 1_200;

/** What is sent may be as much more than the rate, because samples are not taken when packets are. */
const SLACK = 1.03;

const LONG_MS = 150;

export interface LinkSample {
  /** ms */
  at: number;
  /** Delivered since the link began. */
  bytes: number;
  /** Packets for which the queue had no room, since the link began. */
  drops: number;
  /** How long a packet that comes now would wait. */
  queueMs: number;
  rateBps: number;
}

export interface StepResult {
  /** Offered to the link before the change, bit/s. */
  beforeBps: number;
  /** From the change until, for half a second, no more is offered than fits and nothing is dropped, ms; Infinity if it never did. */
  fitMs: number;
  /** Longest wait in the queue while it was narrow. */
  queueMs: number;
  /** Share of the time at the narrow rate in which packets waited more than 150 ms. */
  longShare: number;
  /** Dropped by the full queue while it was narrow. */
  drops: number;
  /** Offered over the last half of the time at the narrow rate. */
  narrowBps: number;
  /** From the change back until half a second in which 90 % of what was offered before is, ms; Infinity if it never was. */
  backMs: number;
}

/** What was offered to the link between two samples, bit/s: what it delivered, what waits more than before, and what it dropped. */
export function offered(a: LinkSample, b: LinkSample): number {
  const waiting = (s: LinkSample) => (s.queueMs / 1000) * (s.rateBps / 8);
  const bytes = b.bytes - a.bytes + waiting(b) - waiting(a) + (b.drops - a.drops) * DROPPED_BYTES;
  return (Math.max(0, bytes) * 8 * 1000) / (b.at - a.at);
}

/** `narrowAt` and `wideAt` are when the rate was changed, on the samples' clock. */
export function analyse(samples: LinkSample[], narrowAt: number, wideAt: number): StepResult {
  const before = samples.filter((s) => s.at < narrowAt);
  const narrow = samples.filter((s) => s.at >= narrowAt && s.at < wideAt && s.rateBps === NARROW);
  const after = samples.filter((s) => s.at >= wideAt && s.rateBps === WIDE);
  const beforeBps = over(before);
  const fit = windows(narrow).find(([a, b]) => b.drops === a.drops && offered(a, b) <= NARROW * SLACK);
  const back = windows(after).find(([a, b]) => offered(a, b) >= 0.9 * beforeBps);
  const queues = narrow.map((s) => s.queueMs);
  return {
    beforeBps,
    fitMs: fit ? fit[0].at - narrowAt : Number.POSITIVE_INFINITY,
    queueMs: Math.max(0, ...queues),
    longShare: queues.filter((q) => q > LONG_MS).length / queues.length,
    drops: (narrow.at(-1)?.drops ?? 0) - (narrow[0]?.drops ?? 0),
    narrowBps: over(narrow.slice(narrow.length >> 1)),
    backMs: back ? back[1].at - wideAt : Number.POSITIVE_INFINITY,
  };
}

function over(samples: LinkSample[]): number {
  const [first, last] = [samples[0], samples.at(-1)];
  return first && last && first !== last ? offered(first, last) : Number.NaN;
}

/** Each sample with the first that is a window later. */
function windows(samples: LinkSample[]): [LinkSample, LinkSample][] {
  return samples.flatMap((a, i): [LinkSample, LinkSample][] => {
    const b = samples.slice(i).find((s) => s.at >= a.at + WINDOW_MS);
    return b ? [[a, b]] : [];
  });
}
