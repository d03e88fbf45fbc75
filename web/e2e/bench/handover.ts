// What a change of network costs, as the people in the call see and hear it: npm run bench:handover [-- --json FILE].
//
// Every number comes from the handover reports, so from the receivers' own measurements; beside the longest gap of each change stands the longest in
// as much time just before it, which is what this machine and its load do without one. HANDOVERS is the number of changes of each kind, 20 unless set;
// ONLY runs just the scenes whose name contains it, e.g. ONLY=firefox.

import { writeFile } from 'node:fs/promises';
import type { SwitchStyle } from '../../src/call/types.ts';
import type { HandoverDirection } from '../../src/protocol/messages.gen.ts';
import { type Kind, WINDOW } from '../harness/browsers.ts';
import build from '../harness/build.ts';
import { connectionOf } from '../harness/events.ts';
import { changeNetwork, type Handover } from '../harness/handover.ts';
import { Stage } from '../harness/stage.ts';
import { pause, until } from '../harness/wait.ts';
import { show, spread } from './stats.ts';

/** Two networks alike, so that every path has the round trip for which the goals are stated. */
const ALIKE = ['--network', 'wifi:delay=15.5ms,rate=50M', '--network', 'cellular:delay=15.5ms,rate=50M'];

/** A report covers half a second before a change and one and a half after it, and as much before that for comparison. */
const CALM_MS = 2_500;

/** As most cameras. */
const CAMERA = { fps: 30 };

interface Scene {
  name: string;
  mover: Kind;
  /** Who sees the mover: another browser, or the test participant, for whom the server measures what arrives. */
  other: Kind | 'test participant';
  flags: string[];
  /** Round trip of each network without queues, ms. */
  rtt: Record<string, number>;
}

const USUAL = { wifi: 10, cellular: 70 };
const EQUAL = { wifi: 31, cellular: 31 };

const SCENES: Scene[] = (['chromium', 'firefox'] as const).flatMap((mover): Scene[] => [
  { name: `${mover} and test participant`, mover, other: 'test participant', flags: [], rtt: USUAL },
  { name: `${mover} and chromium`, mover, other: 'chromium', flags: [], rtt: USUAL },
  {
    name: `${mover} and test participant, RTT 31 ms`,
    mover,
    other: 'test participant',
    flags: ALIKE,
    rtt: EQUAL,
  },
]);

/** One change, with the server's view of when each part of it took place. */
interface Sample extends Handover {
  /** From the switch of the link to the first packet over the new network at the server, ms. */
  firstPacketMs: number;
  /** From that packet to the server's own switch, ms. */
  switchMs: number;
}

interface Group {
  scene: string;
  style: SwitchStyle;
  from: string;
  to: string;
  rttMs: number;
  samples: Sample[];
}

export async function main(args: string[]): Promise<void> {
  const json = args[0] === '--json' ? args[1] : undefined;
  if (args.length > 0 && !json)
    throw new Error(`usage: bench:handover [-- --json FILE], not ${args.join(' ')}`);
  const count = Number(process.env.HANDOVERS ?? 20);
  const scenes = SCENES.filter((s) => s.name.includes(process.env.ONLY ?? ''));
  await build();
  const groups: Group[] = [];
  for (const scene of scenes) {
    const stage = new Stage();
    try {
      const done = await play(stage, scene, count);
      groups.push(...done);
      print(scene, done);
    } catch (error) {
      await stage.evidence(`bench ${scene.name}`);
      throw error;
    } finally {
      await stage.close();
    }
  }
  if (json)
    await writeFile(
      json,
      JSON.stringify({ at: new Date().toISOString(), count, groups: groups.map(summary) }, null, 2),
    );
}

/** Goes back and forth between the networks, hard and soft, until each kind of change has happened `count` times. */
async function play(stage: Stage, scene: Scene, count: number): Promise<Group[]> {
  const withBot = scene.other === 'test participant';
  const server = await stage.server('--bot', withBot ? '1' : '0', ...scene.flags);
  const ada = await stage.person(scene.mover, server, 'Ada', CAMERA);
  await ada.page.setViewport(WINDOW);
  await ada.join('bench');
  if (scene.other !== 'test participant') {
    const bob = await stage.person(scene.other, server, 'Bob', CAMERA);
    await bob.page.setViewport(WINDOW);
    await bob.join('bench');
    await bob.seesMotion('Ada');
  }
  const [other] = await until(
    'somebody else is there',
    () => ada.everybody(),
    (all) => all.length === 1,
  );
  await ada.seesMotion(other?.name ?? '');
  await pause(3_000); // the mean frame interval and the playout delay settle

  const { id, link } = await connectionOf(server.api, 'Ada');
  const groups: Group[] = [];
  for (const style of ['hard', 'soft'] as const) {
    for (const [from, to] of [
      ['wifi', 'cellular'],
      ['cellular', 'wifi'],
    ] as const) {
      groups.push({ scene: scene.name, style, from, to, rttMs: scene.rtt[to] ?? Number.NaN, samples: [] });
    }
  }
  const total = count * groups.length;
  for (let n = 0; n < total; n++) {
    const from = (await ada.activeNetwork()) ?? '';
    // Both kinds that begin here take turns, so that every kind is spread over the whole run.
    const [next, later] = groups
      .filter((g) => g.from === from)
      .sort((a, b) => a.samples.length - b.samples.length);
    const group = next ?? later;
    if (!group) throw new Error(`no change begins at ${from}`);
    progress(`${scene.name}: ${n + 1} of ${total}, ${group.style} ${group.from} → ${group.to}`);
    // As much time without a change as a report covers, and some, so that the switch meets every phase of the frames and of the groups.
    await pause(CALM_MS + Math.random() * 300);
    const change = await changeNetwork(server, ada, id, group.to, group.style);
    const { last } = await server.get<{ last: { time: string } }>(`/api/links/${link}`);
    const started = Date.parse(change.report.started);
    group.samples.push({
      ...change,
      firstPacketMs: started - Date.parse(last.time),
      switchMs: Date.parse(change.report.switched) - started,
    });
  }
  progress('');
  return groups;
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text) process.stderr.write(`${text}\n`);
}

type Way = 'down' | 'up';

function measured(g: Group, way: Way): HandoverDirection[] {
  return g.samples.map((s) => s.report[way]).filter((d) => d.measured);
}

function summary(g: Group) {
  const way = (name: Way) => {
    const all = measured(g, name);
    return {
      measured: all.length,
      at_arrival: all.some((d) => d.at_arrival),
      frame_ms: spread(all.map((d) => d.frame_ms)),
      longest_gap_ms: spread(all.map((d) => d.longest_gap_ms)),
      usual_gap_ms: spread(all.map((d) => d.usual_gap_ms)),
      concealed_ms: spread(all.map((d) => d.concealed_ms)),
      frames_lost: spread(all.map((d) => d.frames_lost)),
      freezes: all.filter((d) => d.frozen).length,
      goal: goal(g, all),
    };
  };
  const verdicts: Record<string, number> = {};
  for (const s of g.samples) verdicts[s.report.verdict] = (verdicts[s.report.verdict] ?? 0) + 1;
  return {
    scene: g.scene,
    style: g.style,
    from: g.from,
    to: g.to,
    rtt_ms: g.rttMs,
    verdicts,
    first_packet_ms: spread(g.samples.map((s) => s.firstPacketMs)),
    response_ms: spread(g.samples.map((s) => s.report.response_ms)),
    switch_ms: spread(g.samples.map((s) => s.switchMs)),
    down: way('down'),
    up: way('up'),
  };
}

/**
 * The goal for the longest gap between rendered frames. Soft: no frame is later than one frame interval, so no gap is longer than two. Hard: the
 * median is at most two round trips of the new path and two frame intervals.
 */
function goal(g: Group, all: HandoverDirection[]): { ms: number; of: 'median' | 'max'; met: boolean } {
  const gaps = spread(all.map((d) => d.longest_gap_ms));
  const frame = spread(all.map((d) => d.frame_ms)).median;
  const ms = g.style === 'soft' ? 2 * frame : 2 * g.rttMs + 2 * frame;
  return g.style === 'soft'
    ? { ms, of: 'max', met: gaps.max <= ms }
    : { ms, of: 'median', met: gaps.median <= ms };
}

function print(scene: Scene, groups: Group[]): void {
  console.log(`\n${scene.name}   (median / 95th percentile / maximum, ms)`);
  const heads = [
    'change',
    'n',
    'verdicts',
    'first packet',
    'challenge answered',
    'server switched',
    'seen by',
    'longest gap',
    'without a change',
    'goal',
    'freezes',
    'concealed',
    'lost',
  ];
  const lines = [heads];
  for (const g of groups) {
    const s = summary(g);
    const verdicts = Object.entries(s.verdicts)
      .map(([v, n]) => `${v} ${n}`)
      .join(', ');
    const change = [
      `${g.style} ${g.from} → ${g.to}`,
      String(g.samples.length),
      verdicts,
      show(s.first_packet_ms),
      show(s.response_ms),
      show(s.switch_ms),
    ];
    for (const way of ['down', 'up'] as const) {
      const d = s[way];
      const who = way === 'down' ? 'mover' : d.at_arrival ? 'server (arrival)' : 'other';
      const { ms, of, met } = d.goal;
      const cells = [
        who,
        show(d.longest_gap_ms),
        show(d.usual_gap_ms),
        `${of} ≤ ${ms.toFixed(0)}${met ? ' ✓' : ' ✗'}`,
        String(d.freezes),
        show(d.concealed_ms),
        show(d.frames_lost),
      ];
      lines.push([...(way === 'down' ? change : change.map(() => '')), ...cells]);
    }
  }
  const widths = heads.map((_, i) => Math.max(...lines.map((l) => (l[i] ?? '').length)));
  for (const line of lines)
    console.log(
      line
        .map((c, i) => c.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}
