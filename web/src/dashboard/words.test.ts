import { describe, expect, test } from 'vitest';
import type { PathEventData, PathEventType } from '../protocol/messages.gen.ts';
import { networkIcon, networkToken } from '../ui/networks.ts';
import { explain, sourceURL, typeWords, verdictWords } from './explain.ts';
import { filtered } from './filter.ts';
import { cellular, direction, event, handover, report, snapshot, wifi } from './fixture.ts';
import { networkTitle } from './links.ts';
import { news } from './news.ts';
import { directionWords, freezeAt, summary } from './report-words.ts';
import { takeKey } from './sse.ts';
import { empty, reduceAll } from './store.ts';

const title = (network: string) => ({ wifi: 'Wi-Fi', cellular: 'Cellular' })[network] ?? network;

describe('explain', () => {
  test('every type has words, a meaning and, where QUIC defines it, a section', () => {
    const own: string[] = ['session_resumed', 'handover_report', 'moment_marked'];
    for (const type of Object.keys(typeWords) as PathEventType[]) {
      const e = explain(
        event(type, 0, {
          remote: 'a:1',
          connection_id: { id: 'aa', sequence: 1, issuer: 'server', state: 'issued' },
        }),
      );
      expect(e.title, type).not.toBe('');
      expect(e.meaning, type).not.toBe('');
      if (!own.includes(type)) expect(e.sources.length, type).toBeGreaterThan(0);
    }
  });
  test('a type that is not known yet is shown as it is', () => {
    expect(explain({ ...event('path_validated', 0), type: 'path_mtu_changed' as PathEventType }).title).toBe(
      'path mtu changed',
    );
  });
  test('a rebinding keeps the ID, a migration changes it, a resumption is neither', () => {
    expect(verdictWords.rebound.meaning).toContain('same connection ID');
    expect(verdictWords.migrated.meaning).toContain('another destination connection ID');
    expect(verdictWords.resumed.meaning).toContain('not a connection migration');
  });
  test('Chromium’s empty ID is said to be empty', () => {
    const e = explain(
      event('connection_id_issued', 0, {
        connection_id: { id: '', sequence: 0, issuer: 'client', state: 'in_use' },
      }),
    );
    expect(e.title).toContain('zero-length');
  });
  test('sections are links', () => {
    expect(sourceURL({ rfc: 9000, section: '8.2.1', about: '' })).toBe(
      'https://www.rfc-editor.org/rfc/rfc9000#section-8.2.1',
    );
  });
});

describe('marks in the log', () => {
  const mark = (connection: string, text: string) => event('moment_marked', 5, { connection, text });
  const state = reduceAll(
    empty,
    [mark('', 'for all'), mark('c1', 'of one'), mark('c2', 'of another'), event('path_validated', 6)].map(
      (e) => ({ type: 'event', event: e }),
    ),
  );
  const texts = (connection: string, type: 'all' | 'path' | 'moment_marked' = 'all', text = '') =>
    filtered(state, { type, connection, text }, 10).map((e) => e.text ?? e.type);
  test('those of nobody are for everybody', () => {
    expect(texts('').toSorted()).toEqual(['for all', 'of another', 'of one', 'path_validated']);
    expect(texts('c1').toSorted()).toEqual(['for all', 'of one', 'path_validated']);
    expect(texts('c1', 'path')).toEqual(['path_validated']);
    expect(texts('', 'moment_marked', 'another')).toEqual(['of another']);
  });
});

describe('handover report in words', () => {
  test('the freeze threshold is that of webrtc-stats', () => {
    expect(freezeAt(33.3)).toBeCloseTo(183.3);
    expect(freezeAt(100)).toBe(300);
  });
  test('nobody noticed', () => {
    expect(summary(report())).toEqual({
      tone: 'good',
      headline: 'Nobody noticed',
      detail: 'Longest gap 66 ms, a freeze starts at 183 ms; no audio concealed.',
    });
  });
  test('the gap that came nearest to being a freeze is the one to speak of', () => {
    const slow = direction({ longest_gap_ms: 120, frame_ms: 100 });
    expect(summary(report({ up: slow, down: direction({ longest_gap_ms: 110 }) })).detail).toContain(
      '110 ms',
    );
  });
  test('a freeze says whose picture it was', () => {
    const s = summary(report({ up: direction({ longest_gap_ms: 640, frozen: true }) }));
    expect(s).toMatchObject({ tone: 'bad', headline: 'The picture froze for the others' });
  });
  test('sound that was made up for long may have been heard', () => {
    expect(summary(report({ down: direction({ concealed_ms: 120 }) })).tone).toBe('fair');
  });
  test('nothing measured, nothing claimed', () => {
    const nobody = direction({ measured: false });
    expect(summary(report({ up: nobody, down: nobody }))).toMatchObject({ tone: 'unknown' });
    expect(directionWords(nobody)).toContain('Nobody received');
  });
  test('who does not answer is not called unnoticing', () => {
    expect(summary(report({ missing: ['p2'] })).headline).toBe('Nobody who answered noticed');
  });
  test('arrival is not called showing', () => {
    expect(directionWords(direction({ at_arrival: true }))).toContain('arriving frames');
  });
});

describe('news', () => {
  test('a handover, step by step and then as a whole', () => {
    const steps = handover(1000);
    const said = (n: number) => news(steps.slice(0, n), title, 'You')?.text ?? '';
    expect(said(1)).toContain('Packets came from Cellular');
    expect(said(3)).toContain('validated');
    expect(said(4)).toBe('You moved from Wi-Fi to Cellular: same connection, same connection ID (rebound).');
    const all = [...steps, event('handover_report', 2600, { ...cellular, report: report() })];
    expect(news(all, title, 'You')).toMatchObject({
      tone: 'good',
      text: expect.stringContaining('Nobody noticed'),
    });
  });
  test('a new port on the same network is no move', () => {
    const e = event('path_switched', 0, { ...wifi, remote: '10.1.0.2:5001', verdict: 'rebound', from: wifi });
    expect(news([e], title, 'Ada')?.text).toBe(
      'Ada’s address changed within Wi-Fi, as after a NAT rebinding: same connection, same connection ID (rebound).',
    );
  });
  test('connection IDs are no news', () => {
    expect(news([event('connection_id_issued', 0)], title, 'You')).toBeNull();
  });
  test('an attacker’s addresses have names, and no network’s colour', () => {
    expect(['attacker', 'attacker-2', 'attackers'].map((n) => networkTitle(n, undefined))).toEqual([
      'Attacker',
      'Attacker 2',
      'attackers',
    ]);
    expect(networkToken('attacker-3')).toBe('--path-failed');
    expect(networkIcon('attacker')).toBe('warning');
  });
  test('an attacker who is in the way is no move of the person', () => {
    const attacker = { path: 2, local: wifi.local, remote: '127.0.0.2:7000', network: 'attacker' };
    const there = event('path_switched', 0, { ...attacker, verdict: 'rebound', from: wifi });
    expect(news([there], title, 'You')).toMatchObject({
      tone: 'bad',
      text: expect.stringContaining('Your packets go through an attacker’s address'),
    });
    const back = event('path_switched', 5, { ...wifi, verdict: 'rebound', from: attacker });
    expect(news([there, back], title, 'Ada')?.text).toBe(
      'Ada’s own packets are first again: the connection is back on Wi-Fi, without the attacker.',
    );
  });
});

describe('filter', () => {
  const list = [
    event('connection_started', 0, wifi),
    ...handover(1000),
    event('connection_started', 1100, { connection: 'c2', name: 'Grace' }),
  ];
  const state = reduceAll(empty, [
    { type: 'snapshot', snapshot: snapshot() },
    ...list.map((e) => ({ type: 'event' as const, event: e })),
  ]);
  const types = (f: Partial<Parameters<typeof filtered>[1]>, most = 100) =>
    filtered(state, { type: 'all', connection: '', text: '', ...f }, most).map((e: PathEventData) => e.type);

  test('newest first, all connections in one order', () => {
    const all = filtered(state, { type: 'all', connection: '', text: '' }, 100);
    expect(all.map((e) => e.id)).toEqual(list.map((e) => e.id).reverse());
  });
  test('a server that was started again counts from 1, and its events are still the newest', () => {
    const again = { ...event('connection_started', 9000, { connection: 'c9' }), id: 1 };
    const after = reduceAll(state, [{ type: 'event', event: again }]);
    expect(filtered(after, { type: 'all', connection: '', text: '' }, 100)[0]).toBe(again);
    expect(after.taken).toBe(state.taken + 1);
  });
  test('by type, connection, text and number', () => {
    expect(types({ type: 'path' })).toHaveLength(4);
    expect(types({ type: 'path_switched' })).toEqual(['path_switched']);
    expect(types({ connection: 'c2' })).toEqual(['connection_started']);
    expect(types({ text: '0123456789abcdef' })).toEqual(['path_response_received', 'path_challenge_sent']);
    expect(types({ text: 'rebound cellular' })).toEqual(['path_switched']);
    expect(types({}, 2)).toHaveLength(2);
  });
});

test.each([
  ['http://h/dashboard?key=a%20b', 'a b', 'http://h/dashboard'],
  ['http://h/dashboard?x=1&key=k', 'k', 'http://h/dashboard?x=1'],
  ['http://h/dashboard#key=k', 'k', 'http://h/dashboard'],
  ['http://h/dashboard?key=', null, 'http://h/dashboard'],
  ['http://h/dashboard#top', null, 'http://h/dashboard#top'],
])('the key leaves the address bar: %s', (address, key, rest) => {
  expect(takeKey(address)).toEqual({ key, address: rest });
});
