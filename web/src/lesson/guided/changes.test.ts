import { describe, expect, it } from 'vitest';
import type { ConnectionIDInfo, PathEventData } from '../../protocol/messages.gen.ts';
import { bytes, destination, lastChange } from './changes.ts';

const id = (sequence: number, issuer: 'server' | 'client' = 'server'): ConnectionIDInfo => ({
  id: issuer === 'server' ? `a${sequence}` : '',
  sequence,
  issuer,
  state: 'in_use',
});

function events(...some: Partial<PathEventData>[]): PathEventData[] {
  return some.map((e, i) => ({ id: i + 1, time: '', connection: 'c', path: 0, ...e }) as PathEventData);
}

const begin: Partial<PathEventData>[] = [
  { type: 'connection_started' },
  { type: 'connection_id_in_use', connection_id: id(0, 'client') },
  { type: 'connection_id_in_use', connection_id: id(0) },
];

describe('a change of path', () => {
  it('is none as long as the first path is in use', () => {
    expect(lastChange(events(...begin))).toBeNull();
    expect(destination(events(...begin))).toEqual(id(0));
    expect(destination([])).toBeUndefined();
  });

  it('has the challenge that was answered, not one that was repeated', () => {
    const change = lastChange(
      events(
        ...begin,
        { type: 'path_challenge_sent', path: 1, challenge: '01' },
        { type: 'path_challenge_sent', path: 2, challenge: '02' },
        { type: 'path_challenge_sent', path: 1, challenge: '03' },
        { type: 'path_response_received', path: 1, challenge: '01' },
        { type: 'path_switched', path: 1, verdict: 'rebound', connection_id: id(0) },
      ),
    );
    expect(change?.challenge?.challenge).toBe('01');
    expect(change?.response?.challenge).toBe('01');
    expect(change?.before).toEqual(id(0));
    expect(change?.after).toEqual(id(0));
  });

  it('shows another ID when the client migrated, counted from the change before', () => {
    const told = events(
      ...begin,
      { type: 'connection_id_in_use', connection_id: id(1) },
      { type: 'path_challenge_sent', path: 1, challenge: '01' },
      { type: 'path_response_received', path: 1, challenge: '01' },
      { type: 'path_switched', path: 1, verdict: 'migrated', connection_id: id(1) },
      { type: 'path_challenge_sent', path: 0, challenge: '02' },
      { type: 'path_switched', path: 0, verdict: 'migrated', connection_id: id(2) },
      { type: 'path_response_received', path: 3, challenge: '99' },
    );
    expect(lastChange(told.slice(0, -3))).toMatchObject({ before: id(0), after: id(1) });
    const last = lastChange(told);
    expect(last).toMatchObject({ before: id(1), after: id(2), challenge: { challenge: '02' } });
    expect(last?.response).toBeUndefined();
    expect(destination(told)).toEqual(id(2));
  });

  it('shows bytes two digits at a time', () => {
    expect(bytes('0a1b2c3d4e5f6071')).toBe('0a 1b 2c 3d 4e 5f 60 71');
    expect(bytes('')).toBe('');
  });
});
