// What came of each flow on one of two paths, by itself: every packet is sent on both, so what is lost here may well be there, but a path's own report must
// say what this path carried, or the server would take it for better than it is. Pure.

import { Reception } from '../../media/jitter.ts';
import type { TrackReport } from '../../protocol/report.ts';
import { parseRTP } from '../../protocol/rtp.ts';
import { Unwrapper } from '../../protocol/unwrap.ts';
import type { Bytes } from '../../protocol/varint.ts';

const REMEMBER = 1024; // numbers: what the server sends again after a silence counts once

interface Flow {
  sequence: Unwrapper;
  seen: Set<number>;
  reception: Reception;
}

export class Copies {
  #flows = new Map<number, Flow>();

  /** An RTP packet of a flow came on this path. */
  add(flow: number, packet: Bytes): void {
    const rtp = parseRTP(packet);
    if (!rtp) return;
    let f = this.#flows.get(flow);
    if (!f) {
      f = { sequence: new Unwrapper(16), seen: new Set(), reception: new Reception() };
      this.#flows.set(flow, f);
    }
    const seq = f.sequence.unwrap(rtp.sequence);
    if (f.seen.has(seq)) return;
    f.seen.add(seq);
    if (f.seen.size > REMEMBER) f.seen.delete(f.seen.values().next().value as number);
    f.reception.add(seq);
  }

  /** The path passes nothing for a while, or was opened anew: what is missing until it goes on was not lost on it. */
  pause(): void {
    for (const { reception } of this.#flows.values()) {
      reception.pause();
      reception.resume();
    }
  }

  /** The reports of all flows as this path has them: what was shown and heard is that of both. */
  reports(merged: TrackReport[]): TrackReport[] {
    return merged.map((r) => {
      const reception = this.#flows.get(r.track)?.reception;
      return {
        ...r,
        highestSeq: reception?.highest ?? 0,
        received: reception?.received ?? 0,
        lost: reception?.lost ?? 0,
      };
    });
  }
}
