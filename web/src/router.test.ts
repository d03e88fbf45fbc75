import { describe, expect, it } from 'vitest';
import { callPath, parseRoute } from './router.ts';

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

  it('finds its own paths', () => {
    for (const room of ['demo', 'a_b-c', 'with space', '50%']) {
      expect(parseRoute(callPath(room))).toEqual({ page: 'call', room });
    }
  });
});
