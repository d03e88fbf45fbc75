// The state of a call as a pure function of what happened: messages of the worker, and a few things only the page knows.

import { emptyStats } from '../media/stats.ts';
import type { FromServer, Participant, Track } from '../protocol/messages.gen.ts';
import type { FromWorker } from '../workers/messages.ts';
import { EMPTY_CHAT, opened, received, refused, wrote } from './chat.ts';
import { float, stillFloating } from './reactions.ts';
import type { CallState, Local, Remote, RemoteTrack } from './types.ts';

/** What the page itself knows. */
export type FromPage =
  | { type: 'joining'; room: string; key: string; local: Partial<Local> }
  | { type: 'audio-blocked'; blocked: boolean }
  | { type: 'wrote'; nonce: string; text: string; instead: string | null }
  | { type: 'chat-open'; open: boolean };

export type Action = FromPage | FromWorker;

const SPEAKING = 0.45; // of loudness, about -37 dB
const SILENT = 0.3;

export const initialState: CallState = {
  phase: 'idle',
  room: '',
  key: '',
  failure: null,
  notice: null,
  local: {
    participant: '',
    name: '',
    mic: false,
    camera: false,
    micAvailable: false,
    cameraAvailable: false,
    micId: '',
    cameraId: '',
    level: 0,
    speaking: false,
    unheard: 0,
    speakerId: '',
    noiseSuppression: true,
    backgroundBlur: false,
    blurOffered: false,
    sharing: false,
    codec: 'vp8',
    width: 0,
    height: 0,
    fps: 0,
    bitrate: 0,
    rttMs: 0,
    handRaised: false,
    hand: 0,
    recordingSince: 0,
  },
  remotes: [],
  chat: EMPTY_CHAT,
  reactions: [],
  audioBlocked: false,
  freezes: 0,
  frozenMs: 0,
  connection: '',
  transport: 'webtransport',
  resumptions: 0,
  link: null,
  linkProblem: '',
  lesson: 0,
};

/** The next state. `now` dates notices and what is written, ms since the epoch. */
export function reduce(state: CallState, action: Action, now: number): CallState {
  switch (action.type) {
    case 'joining':
      return {
        ...initialState,
        phase: 'connecting',
        room: action.room,
        key: action.key,
        local: { ...initialState.local, ...action.local },
      };
    case 'audio-blocked':
      return { ...state, audioBlocked: action.blocked };
    case 'wrote': {
      const { nonce, text, instead } = action;
      return { ...state, chat: wrote(state.chat, { nonce, text, at: now }, instead) };
    }
    case 'chat-open':
      return { ...state, chat: opened(state.chat, action.open) };
    case 'phase':
      return { ...state, phase: action.phase, failure: action.phase === 'failed' ? action.failure : null };
    case 'server':
      return follow(state, action.message, now);
    case 'stats':
      return {
        ...state,
        ...action.totals,
        remotes: state.remotes.map((r) => ({ ...r, stats: action.remotes[r.id] ?? r.stats })),
      };
    case 'levels':
      return {
        ...state,
        local: { ...state.local, ...loud(state.local, action.local), unheard: action.unheard },
        remotes: state.remotes.map((r) => ({ ...r, ...loud(r, action.remotes[r.id] ?? 0) })),
        reactions: stillFloating(state.reactions, now), // levels come often enough to end them
      };
    case 'local':
      return { ...state, local: { ...state.local, ...action.local } };
    case 'transport':
      return { ...state, transport: action.transport };
    case 'link':
      return { ...state, link: action.link, linkProblem: action.problem ?? '' };
    case 'notice':
      return { ...state, notice: { text: action.text, at: now } };
    default:
      return state;
  }
}

/** Level and speaking, with two thresholds so that it does not flicker. */
function loud(before: { speaking: boolean }, level: number): { level: number; speaking: boolean } {
  return { level, speaking: level > (before.speaking ? SILENT : SPEAKING) };
}

function follow(state: CallState, m: FromServer, now: number): CallState {
  switch (m.type) {
    case 'welcome':
      return {
        ...state,
        room: m.room,
        connection: m.connection,
        resumptions: state.resumptions + (m.resumed ? 1 : 0),
        local: { ...state.local, participant: m.participant, name: m.name, hand: m.hand ?? 0 },
        remotes: m.participants.map((p) => remote(p, state.remotes)),
      };
    case 'participant_joined': {
      const joined = remote(m.participant, state.remotes);
      const others = state.remotes.filter((r) => r.id !== joined.id);
      return { ...state, remotes: [...others, joined] };
    }
    case 'participant_changed':
      return change(state, m.id, (r) => ({ ...r, presence: m.presence }));
    case 'participant_left':
      return { ...state, remotes: state.remotes.filter((r) => r.id !== m.id) };
    case 'track_published':
      return change(state, m.track.participant, (r) => ({
        ...r,
        tracks: [...r.tracks.filter((t) => t.id !== m.track.id), remoteTrack(m.track)].sort(
          (a, b) => a.id - b.id,
        ),
      }));
    case 'track_muted':
      return {
        ...state,
        remotes: state.remotes.map((r) => ({
          ...r,
          tracks: r.tracks.map((t) => (t.id === m.track ? { ...t, muted: m.muted } : t)),
        })),
      };
    case 'track_ended':
      return {
        ...state,
        remotes: state.remotes.map((r) => ({ ...r, tracks: r.tracks.filter((t) => t.id !== m.track) })),
      };
    case 'chat_message':
      return { ...state, chat: received(state.chat, m, state.local.participant) };
    case 'refused': // of a chat: the worker sees to the others
      return { ...state, chat: refused(state.chat, m), notice: { text: m.message, at: now } };
    case 'reaction_shown':
      return { ...state, reactions: float(state.reactions, m, now) };
    case 'hand_changed':
      if (m.participant !== state.local.participant)
        return change(state, m.participant, (r) => ({ ...r, hand: m.hand }));
      return { ...state, local: { ...state.local, hand: m.hand } };
    case 'lesson':
      return { ...state, lesson: m.step };
    case 'recording_changed': // the own one the page knows first
      return change(state, m.participant, (r) => ({ ...r, recording: m.on }));
    default:
      return state;
  }
}

function change(state: CallState, id: string, f: (r: Remote) => Remote): CallState {
  return { ...state, remotes: state.remotes.map((r) => (r.id === id ? f(r) : r)) };
}

function remote(p: Participant, known: Remote[]): Remote {
  const before = known.find((r) => r.id === p.id);
  return {
    id: p.id,
    name: p.name,
    presence: p.presence,
    test: p.test,
    hand: p.hand ?? 0,
    recording: p.recording ?? false,
    tracks: p.tracks.map(remoteTrack),
    level: before?.level ?? 0,
    speaking: before?.speaking ?? false,
    stats: before?.stats ?? emptyStats(),
  };
}

function remoteTrack(t: Track): RemoteTrack {
  const { id, kind, source, codec, muted, encrypted = false } = t;
  return { id, kind, source, codec, encrypted, muted };
}
