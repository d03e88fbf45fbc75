// What happens in a call, in sentences: for the live region, the toasts and the line under the network buttons. Nothing is said that was
// not measured.

import type { HandoverDirection, HandoverReport, Presence, Verdict } from '../protocol/messages.gen.ts';
import { formatMs, formatRate, formatShare } from '../ui/format.ts';
import { type Floating, REACTIONS } from './reactions.ts';
import type { LinkNetwork, Phase, Remote, SwitchStyle } from './types.ts';

export interface Person {
  id: string;
  name: string;
  presence: Presence;
  hand: number;
  recording: boolean;
}

/** What to say when the people in the call change from one list to the next. */
export function peopleChanges(before: Person[], after: Person[]): string[] {
  const was = new Map(before.map((p) => [p.id, p]));
  const is = new Map(after.map((p) => [p.id, p]));
  const said: string[] = [];
  for (const p of after) {
    const old = was.get(p.id);
    if (!old) {
      said.push(`${p.name} joined.`);
      said.push(...recordingSentences([p]));
      continue;
    }
    if (old.presence !== p.presence) {
      said.push(p.presence === 'reconnecting' ? `${p.name} is reconnecting.` : `${p.name} is back.`);
    }
    if (old.hand === 0 && p.hand > 0) said.push(`${p.name} raised a hand.`);
    if (old.hand > 0 && p.hand === 0) said.push(`${p.name} lowered the hand.`);
    if (!old.recording) said.push(...recordingSentences([p]));
    else if (!p.recording) said.push(`${p.name} no longer records.`);
  }
  for (const p of before) if (!is.has(p.id)) said.push(`${p.name} left.`);
  return said;
}

/** Says who of these records. */
export function recordingSentences(people: Person[]): string[] {
  return people.filter((p) => p.recording).map((p) => `${p.name} is recording.`);
}

/** What to say of the reactions that came after a time, of those of some people. */
export function reactionSentences(reactions: Floating[], after: number, people: Person[]): string[] {
  const names = new Map(people.map((p) => [p.id, p.name]));
  return reactions
    .filter((f) => f.at > after && names.has(f.participant))
    .map((f) => `${names.get(f.participant)} reacts: ${REACTIONS[f.emoji].label}.`);
}

/** What to say when the phase changes; null for nothing. */
export function phaseChange(before: Phase, after: Phase): string | null {
  if (before === after) return null;
  if (after === 'reconnecting') return 'Connection lost. Reconnecting.';
  if (after === 'connected') return before === 'reconnecting' ? 'Reconnected.' : 'You are in the call.';
  return null;
}

/** What somebody must be told about the encryption of a participant; null for nothing. */
export type Privacy = 'no-key' | 'wrong-key' | 'not-encrypted';

/** `encrypted`: this call has a key. */
export function privacyOf(r: Pick<Remote, 'tracks' | 'stats'>, encrypted: boolean): Privacy | null {
  const sealed = r.tracks.some((t) => t.encrypted);
  if (sealed && !encrypted) return 'no-key';
  if (sealed && r.stats.wrongKey) return 'wrong-key';
  return encrypted && r.tracks.some((t) => !t.encrypted) ? 'not-encrypted' : null;
}

export const PRIVACY: Record<Privacy, string> = {
  'no-key': "This participant's picture and sound are encrypted. You need the complete link.",
  'wrong-key': 'This participant uses another key.',
  'not-encrypted': 'not encrypted',
};

export const VERDICTS: Record<Verdict, { title: string; what: string }> = {
  migrated: { title: 'Migrated', what: 'same connection, moved to a path it had probed' },
  rebound: { title: 'Rebound', what: 'same connection, new address' },
  resumed: { title: 'Resumed', what: 'the connection was lost, a new one took over' },
  dropped: { title: 'Dropped', what: 'the connection was lost and nothing took over' },
};

function direction(d: HandoverDirection, frozen: string, smooth: string): string[] {
  if (!d.measured) return [];
  const gap = d.frozen
    ? `${frozen}: ${formatMs(d.longest_gap_ms)}`
    : `${smooth} ${formatMs(d.longest_gap_ms)}`;
  return [d.concealed_ms > 0 ? `${gap}, ${formatMs(d.concealed_ms)} of sound filled in` : gap];
}

/** What both sides saw of a handover, in phrases. Directions that nobody measured are left out. */
export function handoverFacts(report: HandoverReport): string[] {
  const { down, up } = report;
  return [
    ...direction(down, 'you saw a freeze', 'you saw no gap longer than'),
    // The test participant shows nothing to anybody: its gaps are between arrivals at the server.
    ...(up.at_arrival
      ? direction(up, 'your picture arrived after a gap', 'your picture arrived with no gap longer than')
      : direction(up, 'others saw a freeze of your picture', 'others saw no gap longer than')),
  ];
}

/** A handover in sentences. */
export function handoverSentence(report: HandoverReport): string {
  const { title, what } = VERDICTS[report.verdict];
  const facts = handoverFacts(report).map((f) => ` ${f.charAt(0).toUpperCase()}${f.slice(1)}.`);
  return `${title}: ${what}.${facts.join('')}`;
}

/** The numbers of a network: "35 ms ± 8", "0.1 % loss", "12 Mbit/s"; of a real one only what was measured. */
export function networkNumbers(n: LinkNetwork): string[] {
  if (!Number.isFinite(n.delay_ms)) {
    const rtt = n.rtt_ms ? [`RTT ${formatMs(n.rtt_ms)}`] : [];
    return n.status ? [n.status, ...rtt] : rtt;
  }
  const jitter = n.jitter_ms > 0 ? ` ± ${n.jitter_ms}` : '';
  const rate = n.rate_bps > 0 ? formatRate(n.rate_bps) : 'no limit';
  return [`${n.delay_ms} ms${jitter}`, `${formatShare(n.loss)} loss`, rate];
}

export const STYLES: { style: SwitchStyle; title: string; what: string }[] = [
  { style: 'hard', title: 'Hard', what: 'The old network is cut, then the new one starts.' },
  { style: 'soft', title: 'Soft', what: 'The new network starts before the old one is cut.' },
  { style: 'walk', title: 'Walk out of range', what: 'Loss on the old network climbs until nothing passes.' },
];

/** The ways to change the network of a link. Only an emulated one can be walked away from at the press of a button. */
export function stylesOf(link: { emulated: boolean }): typeof STYLES {
  return link.emulated ? STYLES : STYLES.filter((s) => s.style !== 'walk');
}

/** The chosen way, or the first where there is no such way. */
export function styleOn(link: { emulated: boolean }, chosen: SwitchStyle): SwitchStyle {
  return stylesOf(link).some((s) => s.style === chosen) ? chosen : 'hard';
}
