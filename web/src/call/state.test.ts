import { describe, expect, it } from 'vitest';
import { emptyStats } from '../media/stats.ts';
import type { FromServer, Participant, Track, Welcome } from '../protocol/messages.gen.ts';
import { type Action, initialState, reduce } from './state.ts';
import type { CallState } from './types.ts';

const track = (id: number, participant: string, kind: 'audio' | 'video' = 'video'): Track => ({
  id,
  participant,
  kind,
  source: kind === 'video' ? 'camera' : 'microphone',
  codec: kind === 'video' ? 'vp8' : 'opus',
  ssrc: id,
  muted: false,
});

const person = (id: string, ...tracks: Track[]): Participant => ({
  id,
  name: id.toUpperCase(),
  presence: 'connected',
  test: false,
  receive: ['vp8', 'opus'],
  tracks,
});

const welcome = (o: Partial<Welcome> = {}): Action => ({
  type: 'server',
  message: {
    type: 'welcome',
    participant: 'me',
    room: 'demo',
    name: 'Ada',
    token: 't',
    resumed: false,
    sessions: 1,
    connection: 'c0ffee',
    report_interval_ms: 50,
    resume_window_ms: 30_000,
    participants: [person('bob', track(1, 'bob', 'audio'), track(2, 'bob'))],
    ...o,
  },
});

const server = (message: FromServer): Action => ({ type: 'server', message });

const run = (...actions: Action[]): CallState => actions.reduce((s, a) => reduce(s, a, 1000), initialState);

const joining: Action = { type: 'joining', room: 'demo', key: '', local: { name: 'Ada', mic: true } };

describe('reduce', () => {
  it('knows what carries the call', () => {
    expect(run(joining, welcome()).transport).toBe('webtransport');
    const tcp = run(joining, { type: 'transport', transport: 'websocket' }, welcome());
    expect(tcp.transport).toBe('websocket');
    expect(reduce(tcp, { type: 'transport', transport: 'webtransport' }, 0).transport).toBe('webtransport');
  });

  it('knows at which step of the lesson the class is, and that it is let go', () => {
    const led = run(joining, welcome(), { type: 'server', message: { type: 'lesson', step: 4 } });
    expect(led.lesson).toBe(4);
    expect(reduce(led, { type: 'server', message: { type: 'lesson', step: 0 } }, 0).lesson).toBe(0);
    expect(run(joining, welcome()).lesson).toBe(0);
  });

  it('joins', () => {
    const s = run(joining);
    expect([s.phase, s.room, s.local.mic, s.local.camera]).toEqual(['connecting', 'demo', true, false]);
    const t = run(joining, welcome(), { type: 'phase', phase: 'connected', failure: null });
    expect([t.phase, t.local.participant, t.connection, t.resumptions]).toEqual([
      'connected',
      'me',
      'c0ffee',
      0,
    ]);
    expect(t.remotes.map((r) => [r.id, r.tracks.length])).toEqual([['bob', 2]]);
  });

  it('knows its key, and which tracks are encrypted', () => {
    const s = run(
      { type: 'joining', room: 'demo', key: 'AAECAwQFBgcICQoLDA0ODw', local: {} },
      welcome(),
      server({ type: 'track_published', track: { ...track(2, 'bob'), encrypted: true } }),
    );
    expect(s.key).toBe('AAECAwQFBgcICQoLDA0ODw');
    expect(s.remotes[0]?.tracks.map((t) => t.encrypted)).toEqual([false, true]);
    expect(run(joining).key).toBe('');
  });

  it('starts clean when joining again', () => {
    const s = run(joining, welcome(), { type: 'notice', text: 'x' }, joining);
    expect([s.remotes, s.notice, s.connection]).toEqual([[], null, '']);
  });

  it('follows participants and tracks in order of joining', () => {
    const s = run(
      joining,
      welcome(),
      server({ type: 'participant_joined', participant: person('eve') }),
      server({ type: 'track_published', track: track(9, 'eve') }),
      server({ type: 'track_published', track: track(8, 'eve', 'audio') }),
      server({ type: 'track_published', track: { ...track(9, 'eve'), codec: 'vp9' } }),
      server({ type: 'track_muted', track: 8, muted: true }),
      server({ type: 'participant_changed', id: 'bob', presence: 'reconnecting' }),
      server({ type: 'track_ended', track: 1 }),
    );
    expect(s.remotes.map((r) => [r.id, r.presence])).toEqual([
      ['bob', 'reconnecting'],
      ['eve', 'connected'],
    ]);
    expect(s.remotes[0]?.tracks.map((t) => t.id)).toEqual([2]);
    expect(s.remotes[1]?.tracks.map((t) => [t.id, t.codec, t.muted])).toEqual([
      [8, 'opus', true],
      [9, 'vp9', false],
    ]);
    expect(
      reduce(s, server({ type: 'participant_left', id: 'bob', reason: '' }), 0).remotes.map((r) => r.id),
    ).toEqual(['eve']);
  });

  it('counts resumptions and keeps what was measured', () => {
    const stats = { ...emptyStats(), framesRendered: 77 };
    const s = run(
      joining,
      welcome(),
      { type: 'stats', remotes: { bob: stats }, totals: { freezes: 3, frozenMs: 500 } },
      { type: 'phase', phase: 'reconnecting', failure: null },
      welcome({ resumed: true, connection: 'beef' }),
    );
    expect([s.resumptions, s.connection, s.freezes, s.frozenMs]).toEqual([1, 'beef', 3, 500]);
    expect(s.remotes[0]?.stats.framesRendered).toBe(77);
    expect(reduce(s, welcome({ resumed: false }), 0).resumptions).toBe(1); // joined anew, not resumed
  });

  it('shows a failure only when it is final', () => {
    const failure = { code: 'room-full', message: 'The call is full.' };
    expect(run(joining, { type: 'phase', phase: 'failed', failure }).failure).toEqual(failure);
    expect(run(joining, { type: 'phase', phase: 'reconnecting', failure }).failure).toBeNull();
  });

  it('tells speaking from silence without flicker', () => {
    const level = (bob: number): Action => ({ type: 'levels', remotes: { bob }, local: 0, unheard: 0 });
    const speaking = (...levels: number[]) =>
      run(joining, welcome(), ...levels.map(level)).remotes[0]?.speaking;
    expect(speaking(0.4)).toBe(false);
    expect(speaking(0.5)).toBe(true);
    expect(speaking(0.5, 0.4)).toBe(true);
    expect(speaking(0.5, 0.2)).toBe(false);
    expect(run(joining, { type: 'levels', remotes: {}, local: 0.9, unheard: 0 }).local.speaking).toBe(true);
  });

  it('follows who records, and takes it from a welcome', () => {
    const records = (s: CallState) => s.remotes[0]?.recording;
    const told = (on: boolean) => server({ type: 'recording_changed', participant: 'bob', on });
    expect(records(run(joining, welcome()))).toBe(false);
    expect(records(run(joining, welcome(), told(true)))).toBe(true);
    expect(records(run(joining, welcome(), told(true), told(false)))).toBe(false);
    const late = run(joining, welcome({ participants: [{ ...person('bob'), recording: true }] }));
    expect(records(late)).toBe(true);
    const own = run(joining, welcome(), server({ type: 'recording_changed', participant: 'me', on: true }));
    expect([own.local.recordingSince, records(own)]).toEqual([0, false]);
  });

  it('follows raised hands, the own one too, and takes them from a welcome', () => {
    const raise = (participant: string, hand: number) => server({ type: 'hand_changed', participant, hand });
    const hands = (s: CallState) => [s.local.hand, s.remotes[0]?.hand];
    const s = run(joining, welcome(), raise('bob', 1), raise('me', 2));
    expect(hands(s)).toEqual([2, 1]);
    expect(hands(reduce(s, raise('bob', 0), 0))).toEqual([2, 0]);
    const wished = reduce(s, { type: 'local', local: { handRaised: true } }, 0);
    const resumed = reduce(
      wished,
      welcome({ resumed: true, hand: 2, participants: [{ ...person('bob'), hand: 1 }] }),
      0,
    );
    expect(hands(resumed)).toEqual([2, 1]);
    // In another call its place is another, and what the person wants is the same.
    const anew = reduce(resumed, welcome({ participant: 'me again' }), 0);
    expect([...hands(anew), anew.local.handRaised]).toEqual([0, 0, true]);
  });

  it('shows reactions until the levels after their time', () => {
    const s = run(
      joining,
      welcome(),
      server({ type: 'reaction_shown', participant: 'bob', emoji: '👍' }),
      server({ type: 'reaction_shown', participant: 'me', emoji: '🎉' }),
    );
    expect(s.reactions.map((r) => [r.participant, r.emoji])).toEqual([
      ['bob', '👍'],
      ['me', '🎉'],
    ]);
    const levels: Action = { type: 'levels', remotes: {}, local: 0, unheard: 0 };
    expect(reduce(s, levels, 2000).reactions).toBe(s.reactions);
    expect(reduce(s, levels, 10_000).reactions).toEqual([]);
  });

  it('keeps the chat over sessions, and starts a clean one with another call', () => {
    const said = (id: number, participant: string, nonce = '') =>
      server({
        type: 'chat_message',
        id,
        participant,
        name: participant,
        text: 'Hello',
        time: '2026-11-23T12:00:00Z',
        nonce,
      });
    const wrote: Action = { type: 'wrote', nonce: 'n', text: 'Hello', instead: null };
    const s = run(joining, welcome(), said(1, 'bob'), wrote);
    expect([s.chat.unread, s.chat.written.length, s.chat.writing.length]).toEqual([1, 1, 1]);
    const resumed = [welcome({ resumed: true }), said(1, 'bob'), said(2, 'me', 'n')].reduce(
      (state, action) => reduce(state, action, 1000),
      reduce(s, { type: 'chat-open', open: true }, 1000),
    );
    expect([resumed.chat.unread, resumed.chat.written.length, resumed.chat.writing.length]).toEqual([
      0, 2, 0,
    ]);
    expect(resumed.chat.written[1]?.own).toBe(true);
    expect(reduce(resumed, joining, 1000).chat).toEqual({ written: [], writing: [], unread: 0, open: false });
  });

  it('says that a message was refused, wherever one looks', () => {
    const s = run(
      joining,
      welcome(),
      { type: 'wrote', nonce: 'n', text: 'Hello', instead: null },
      server({ type: 'refused', code: 10, message: 'Too fast.', of: 'chat', nonce: 'n' }),
    );
    expect([s.chat.writing[0]?.problem, s.notice]).toEqual(['Too fast.', { text: 'Too fast.', at: 1000 }]);
  });

  it('dates notices and does not change the state it was given', () => {
    const before = run(joining, welcome());
    const copy = structuredClone(before);
    const after = reduce(before, { type: 'notice', text: 'The camera was disconnected.' }, 4711);
    expect(after.notice).toEqual({ text: 'The camera was disconnected.', at: 4711 });
    expect(before).toEqual(copy);
  });
});
