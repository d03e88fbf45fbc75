import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { handover, snapshot } from './fixture.ts';
import { createLive } from './live.ts';
import { openSource } from './sse.ts';

/** The browser's EventSource, driven by hand. */
class FakeEvents extends EventTarget {
  static readonly CLOSED = 2;
  static made: FakeEvents[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  constructor(readonly url: string) {
    super();
    FakeEvents.made.push(this);
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  fail(closed: boolean) {
    this.readyState = closed ? 2 : 0;
    this.onerror?.();
  }
  say(type: string, data: unknown) {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }
  close() {
    this.readyState = 2;
  }
}

const answers = new Map<string, () => Response>();
const asked: { url: string; init: RequestInit | undefined }[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  FakeEvents.made = [];
  asked.length = 0;
  answers.clear();
  answers.set('/api/connections', () => Response.json([snapshot()]));
  vi.stubGlobal('EventSource', FakeEvents);
  vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
    asked.push({ url, init });
    const answer = answers.get(url);
    if (!answer) throw new TypeError('fetch failed');
    return answer();
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(50);
const stream = () => FakeEvents.made.at(-1) as FakeEvents;

test('is live once the stream is open, and events reach the store', async () => {
  const live = createLive();
  const source = openSource(live, null);
  expect(source.feed.value.state).toBe('connecting');
  await settle();
  expect(source.feed.value.state).toBe('connecting');
  stream().open();
  expect(source.feed.value.state).toBe('live');
  for (const event of handover(1000)) stream().say(event.type, event);
  await settle();
  expect(live.state.value.connections.get('c1')?.snapshot.verdict).toBe('rebound');
  source.close();
  expect(stream().readyState).toBe(2);
});

test('says that it reconnects, and is live only when the browser has', async () => {
  const source = openSource(createLive(), null);
  await settle();
  stream().open();
  stream().fail(false);
  expect(source.feed.value.state).toBe('reconnecting');
  expect(FakeEvents.made).toHaveLength(1); // the browser tries again by itself, with the Last-Event-ID
  stream().open();
  expect(source.feed.value.state).toBe('live');
  source.close();
});

test('starts again where the browser gave up, later and later', async () => {
  const source = openSource(createLive(), null);
  await settle();
  stream().open();
  answers.delete('/api/connections');
  stream().fail(true);
  expect(source.feed.value.state).toBe('reconnecting');
  await vi.advanceTimersByTimeAsync(20_000);
  const tries = asked.length;
  expect(tries).toBeGreaterThan(4);
  expect(tries).toBeLessThan(14);
  answers.set('/api/connections', () => Response.json([]));
  await vi.advanceTimersByTimeAsync(6000);
  stream().open();
  expect(source.feed.value.state).toBe('live');
  source.close();
  const after = asked.length;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(asked.length).toBeLessThanOrEqual(after + 1);
});

test('asks for the key, says when it is wrong, and opens with the right one', async () => {
  answers.set('/api/connections', () => new Response('', { status: 401 }));
  answers.set('/api/operator', () => new Response('', { status: 401 }));
  const source = openSource(createLive(), null);
  await settle();
  expect(source.feed.value).toEqual({ state: 'locked', wrong: false });
  expect(FakeEvents.made).toHaveLength(0);
  await source.unlock('nonsense');
  expect(source.feed.value).toEqual({ state: 'locked', wrong: true });
  answers.set('/api/operator', () => new Response(null, { status: 204 }));
  answers.set('/api/connections', () => Response.json([]));
  await source.unlock('right');
  expect(JSON.parse(String(asked.findLast((a) => a.url === '/api/operator')?.init?.body))).toEqual({
    key: 'right',
  });
  stream().open();
  expect(source.feed.value.state).toBe('live');
  source.close();
});
