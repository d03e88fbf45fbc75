import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { toast } from '../../ui/toast.tsx';
import { report, snapshot } from '../fixture.ts';
import { followConnection } from './follow.ts';

vi.mock('../../ui/toast.tsx', () => ({ toast: vi.fn() }));

/** The browser's EventSource, driven by hand. */
class FakeEvents extends EventTarget {
  static readonly CLOSED = 2;
  static made: FakeEvents[] = [];
  readyState = 1;
  onerror: (() => void) | null = null;
  constructor(readonly url: string) {
    super();
    FakeEvents.made.push(this);
  }
  fail(closed: boolean) {
    this.readyState = closed ? 2 : 0;
    this.onerror?.();
  }
  close() {}
}

let answer: () => Response;

beforeEach(() => {
  vi.useFakeTimers();
  FakeEvents.made = [];
  vi.stubGlobal('EventSource', FakeEvents);
  vi.stubGlobal('fetch', async () => answer());
});

afterEach(() => {
  vi.clearAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const refused = (status: number) => () => Response.json({ error: 'no' }, { status });

async function followed(more: Parameters<typeof snapshot>[0]) {
  answer = () => Response.json(snapshot(more));
  const all = followConnection('c1');
  await vi.advanceTimersByTimeAsync(50);
  expect(FakeEvents.made).toHaveLength(1);
  return all;
}

test('a stream that is refused says why', async () => {
  const { problem } = await followed({});
  answer = refused(401);
  FakeEvents.made[0]?.fail(true);
  await vi.advanceTimersByTimeAsync(3000);
  expect(problem.value).toEqual({ what: 'locked' });
});

test('a report that is shown stays', async () => {
  const { problem } = await followed({ report: report() });
  answer = refused(404);
  FakeEvents.made[0]?.fail(true);
  await vi.advanceTimersByTimeAsync(3000);
  expect(problem.value).toBeNull();
  expect(vi.mocked(toast).mock.calls[0]?.[0]).toMatch(/not kept up to date .* does not know the connection/);
});

test('what the browser mends itself is no problem, and a stream that was refused once is opened again', async () => {
  const { problem, close } = await followed({});
  FakeEvents.made[0]?.fail(false);
  await vi.advanceTimersByTimeAsync(3000);
  expect(FakeEvents.made).toHaveLength(1);
  FakeEvents.made[0]?.fail(true);
  await vi.advanceTimersByTimeAsync(3000);
  expect(FakeEvents.made).toHaveLength(2);
  expect(problem.value).toBeNull();
  close();
  FakeEvents.made[1]?.fail(true);
  await vi.advanceTimersByTimeAsync(3000);
  expect(FakeEvents.made).toHaveLength(2);
});
