import { afterEach, describe, expect, it, vi } from 'vitest';
import { callPath, fragment, navigate, onlyPath, parseRoute, query, route, setFragment } from './router.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('routes', () => {
  it.each([
    ['/', { page: 'lobby' }],
    ['/dashboard', { page: 'dashboard' }],
    ['/dashboard/', { page: 'dashboard' }],
    ['/call/demo', { page: 'call', room: 'demo' }],
    ['/call/demo/', { page: 'call', room: 'demo' }],
    ['/call/a%20b', { page: 'call', room: 'a b' }],
    ['/call/%E0%A4%A', { page: 'call', room: '%E0%A4%A' }],
    ['/call', { page: 'missing', path: '/call' }],
    ['/call/a/b', { page: 'missing', path: '/call/a/b' }],
    ['/elsewhere', { page: 'missing', path: '/elsewhere' }],
  ])('%s', (path, want) => {
    expect(parseRoute(path)).toEqual(want);
  });

  it('go with a fragment, which can be changed without a trace', () => {
    const done: string[] = [];
    vi.stubGlobal('history', {
      pushState: (_state: unknown, _title: string, to: string) => done.push(`push ${to}`),
      replaceState: (_state: unknown, _title: string, to: string) => done.push(`replace ${to}`),
    });
    vi.stubGlobal('window', { scrollTo: () => undefined });
    vi.stubGlobal('location', { pathname: '/call/demo', search: '?transport=websocket' });
    navigate('/call/demo#key=a');
    expect([route.value, fragment.value]).toEqual([{ page: 'call', room: 'demo' }, '#key=a']);
    navigate('/call/demo#key=a'); // is there already
    setFragment('#key=b');
    expect(fragment.value).toBe('#key=b');
    onlyPath();
    expect([query.value, fragment.value]).toEqual(['', '']);
    navigate('/');
    expect([route.value, fragment.value]).toEqual([{ page: 'lobby' }, '']);
    expect(done).toEqual([
      'push /call/demo#key=a',
      'replace /call/demo?transport=websocket#key=b',
      'replace /call/demo',
      'push /',
    ]);
  });

  it('finds its own paths', () => {
    for (const room of ['demo', 'a_b-c', 'with space', '50%']) {
      expect(parseRoute(callPath(room))).toEqual({ page: 'call', room });
    }
  });
});
