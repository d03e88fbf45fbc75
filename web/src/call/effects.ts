// What a call does to the page around it: title, wake lock, announcements, keys.

import { type ReadonlySignal, type Signal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { HandoverReport } from '../protocol/messages.gen.ts';
import { announce, toast } from '../ui/toast.tsx';
import { newsSentence } from './chat.ts';
import { MutedHint } from './muted-hint.ts';
import { type Action, actionOf, takesText } from './shortcuts.ts';
import { Spotlight } from './spotlight.ts';
import type { CallEngine, Phase } from './types.ts';
import {
  handoverSentence,
  type Person,
  peopleChanges,
  phaseChange,
  reactionSentences,
  recordingSentences,
} from './words.ts';

/** Keeps the screen on, and again after the page was hidden, which lets go of the lock. */
export function useWakeLock(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    let over = false;
    const take = async () => {
      if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
      try {
        const taken = await navigator.wakeLock.request('screen');
        if (over) void taken.release();
        else lock = taken;
      } catch {
        // refused, on low battery for example: the call goes on without
      }
    };
    void take();
    document.addEventListener('visibilitychange', take);
    return () => {
      over = true;
      document.removeEventListener('visibilitychange', take);
      void lock?.release();
    };
  }, []);
}

export function useTitle(engine: CallEngine): void {
  useSignalEffect(() => {
    const { room, phase } = engine.state.value;
    document.title = phase === 'reconnecting' ? `Reconnecting… · ${room}` : `${room} · Roamcall`;
  });
}

/** Says joins, leaves, reconnects, raised hands and reactions, and shows the engine's notices. */
export function useAnnouncements(engine: CallEngine): void {
  const before = useRef<{ people: Person[]; phase: Phase; notice: number; reaction: number }>({
    people: [],
    phase: 'idle',
    notice: 0,
    reaction: 0,
  });
  useSignalEffect(() => {
    const { remotes, phase, notice, reactions } = engine.state.value;
    const last = before.current;
    const people = remotes.map(({ id, name, presence, hand, recording }) => ({
      id,
      name,
      presence,
      hand,
      recording,
    }));
    const said = [phaseChange(last.phase, phase)];
    // Who was there before is not news when one comes in; that somebody records is.
    if (last.phase === 'connected' || last.phase === 'reconnecting')
      said.push(...peopleChanges(last.people, people));
    else if (phase === 'connected') said.push(...recordingSentences(people));
    said.push(...reactionSentences(reactions, last.reaction, people));
    if (notice && notice.at !== last.notice) toast(notice.text);
    before.current = {
      people,
      phase,
      notice: notice?.at ?? last.notice,
      reaction: reactions.at(-1)?.at ?? last.reaction,
    };
    const text = said.filter((s) => s !== null).join(' ');
    if (text) announce(text, phase === 'reconnecting');
  });
}

/** Says who begins to speak, to screen readers, while `on`. */
export function useSpeakerAnnouncements(engine: CallEngine, on: ReadonlySignal<boolean>): void {
  const spotlight = useRef(new Spotlight());
  const last = useRef<string | null>(null);
  useSignalEffect(() => {
    if (!on.value) return;
    const { remotes } = engine.state.value;
    const id = spotlight.current.next(remotes, performance.now());
    const who = remotes.find((r) => r.id === id);
    if (!who?.speaking || id === last.current) return;
    last.current = id;
    announce(`${who.name} speaks.`);
  });
}

/** Tells who speaks while muted. */
export function useMutedHint(engine: CallEngine): void {
  const hint = useRef(new MutedHint());
  useSignalEffect(() => {
    const { mic, unheard } = engine.state.value.local;
    if (!mic && hint.current.heard(unheard, performance.now())) toast('You are muted. Press M to be heard.');
  });
}

/** What comes within this time is one sentence: what was written before one joined, for example. ms */
const GATHER_MS = 300;

/** Says what others write while the chat is not open; when it is, its list is a live region itself. */
export function useChatAnnouncements(engine: CallEngine): void {
  const chat = useComputed(() => engine.state.value.chat);
  const told = useRef(0); // of the unread messages
  useSignalEffect(() => {
    const { unread, written } = chat.value;
    if (unread <= told.current) {
      told.current = unread;
      return;
    }
    const timer = setTimeout(() => {
      announce(newsSentence(written, unread - told.current));
      told.current = unread;
    }, GATHER_MS);
    return () => clearTimeout(timer); // the next run of the effect takes its messages over
  });
}

/** How long a change of network is news, ms. */
const NEWS_MS = 15_000;

/** The report of the latest change of network, said when it comes and kept while it is news. */
export function useHandover(engine: CallEngine): Signal<HandoverReport | null> {
  const latest = useSignal<HandoverReport | null>(null);
  useEffect(() => {
    let timer = 0;
    const stop = engine.onPath({
      snapshot: () => undefined,
      sample: () => undefined,
      event: (e) => {
        if (e.type !== 'handover_report' || !e.report) return;
        latest.value = e.report;
        announce(handoverSentence(e.report));
        clearTimeout(timer);
        timer = window.setTimeout(() => {
          latest.value = null;
        }, NEWS_MS);
      },
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [engine, latest]);
  return latest;
}

/** Calls act for the keys of a call. */
export function useShortcuts(engine: CallEngine, act: (action: Action) => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      const action = actionOf(e, {
        typing: takesText(document.activeElement),
        dialog: document.querySelector('dialog[open]') !== null,
        networks: engine.state.peek().link?.networks.length ?? 0,
      });
      if (!action) return;
      e.preventDefault();
      latest.current(action);
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [engine]);
}

/** Leaves when the page goes. Not beforeunload, which also comes before a download, after which the page stays. */
export function useLeaveWithPage(engine: CallEngine): void {
  useEffect(() => {
    const leave = () => engine.leave();
    addEventListener('pagehide', leave);
    return () => removeEventListener('pagehide', leave);
  }, [engine]);
}
