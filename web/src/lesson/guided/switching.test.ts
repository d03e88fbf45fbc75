import { describe, expect, it } from 'vitest';
import type { LinkInfo } from '../../call/types.ts';
import { active, other, whyNot } from './switching.ts';

const link = {
  active: 'wifi',
  emulated: true,
  networks: [{ name: 'wifi' }, { name: 'cellular' }],
} as LinkInfo;
const call = { phase: 'connected' as const, transport: 'webtransport' as const, link, linkProblem: '' };

describe('why a network cannot be switched', () => {
  it.each([
    ['it can', {}, 'hard', /^$/],
    ['it can while the page reconnects', { phase: 'reconnecting' as const }, 'walk', /^$/],
    ['the call is being set up', { phase: 'connecting' as const }, 'hard', /set up/],
    ['there is no call', { phase: 'failed' as const }, 'hard', /no call/],
    ['it goes over TCP', { transport: 'websocket' as const, link: null }, 'hard', /over TCP.*QUIC only/],
    ['the lab is full', { link: null, linkProblem: 'No emulated network: the lab is full.' }, 'hard', /full/],
    ['there is no lab', { link: null }, 'hard', /--no-lab/],
    ['there is one network', { link: { ...link, networks: link.networks.slice(0, 1) } }, 'hard', /only one/],
    ['a real network is to fade', { link: { ...link, emulated: false } }, 'walk', /are real/],
    ['a real network can be left', { link: { ...link, emulated: false } }, 'hard', /^$/],
  ] as const)('%s', (_, change, style, said) => expect(whyNot({ ...call, ...change }, style)).toMatch(said));

  it('goes round', () => {
    expect(active(link)?.name).toBe('wifi');
    expect(other(link)?.name).toBe('cellular');
    expect(other({ ...link, active: 'cellular' })?.name).toBe('wifi');
  });
});
