// The dashboard's head: whether the server is heard of, how many connections there are, and its time.

import type { ComponentChildren } from 'preact';
import { Mark } from '../ui/icons.tsx';
import { ThemeToggle } from '../ui/theme-toggle.tsx';
import { RecordedMark } from './recordings.tsx';
import type { Feed } from './sse.ts';
import type { Connection } from './store.ts';
import { agoText, clockText } from './time.ts';

export function Top({
  feed,
  all,
  emulated,
  now,
  views,
}: {
  feed: Feed;
  all: readonly Connection[];
  emulated: boolean;
  now: number;
  /** Where else one can go from here. */
  views?: ComponentChildren;
}) {
  const openCount = all.filter((c) => c.snapshot.state === 'open').length;
  return (
    <header class="d-top">
      <a href="/" class="d-brand">
        <Mark size={30} /> <h1>Roamcall</h1>
      </a>
      {views}
      {feed.state === 'recorded' ? <RecordedMark {...feed} /> : <FeedMark feed={feed} open={openCount} />}
      <span class="d-count">
        <b>{openCount}</b> {openCount === 1 ? 'connection' : 'connections'}
      </span>
      {emulated && (
        <span
          class="chip"
          tabIndex={0}
          data-hint="The lab’s networks are emulated by the server: their delay, loss and rate. QUIC, TLS, WebTransport and the path validation are the browser’s and the server’s real ones."
        >
          emulated networks
        </span>
      )}
      <span class="d-grow" />
      <span class="d-clock d-mono" data-hint="The server’s time, in your time zone.">
        {clockText(now, 0)}
      </span>
      <ThemeToggle />
    </header>
  );
}

/** Nothing heard for this long, although connections are open, is not "live": samples come five times a second. */
const silentMs = 3000;

function FeedMark({ feed, open }: { feed: Exclude<Feed, { state: 'recorded' }>; open: number }) {
  const silent = feed.state === 'live' && open > 0 ? Date.now() - feed.heard : 0;
  const live = feed.state === 'live' && silent < silentMs;
  const text =
    feed.state === 'live'
      ? live
        ? 'live'
        : `silent for ${Math.round(silent / 1000)} s`
      : feed.state === 'reconnecting'
        ? `reconnecting: ${feed.reason}; last heard ${agoText(Date.now() - feed.heard)}`
        : feed.state === 'locked'
          ? 'locked'
          : 'connecting';
  return (
    <span
      class={`d-feed ${live ? 'live' : feed.state === 'live' ? 'silent' : feed.state}`}
      role="status"
      data-testid="feed"
      data-state={feed.state}
    >
      <span class="d-dot" />
      {text}
    </span>
  );
}
