import { afterEach, describe, expect, it, vi } from 'vitest';
import { Lab } from './lab.ts';
import type { Via } from './transport.ts';

const CONFIG = { webtransport_url: 'https://127.0.0.1:4433/wt', certificate_hashes: [], lab: true };
const LINK = { id: 'l1', url: 'https://127.0.0.1:5000/wt', emulated: true, networks: [] };

/** A lab whose server answers a request for a link like this, and what the page was told. */
function lab(answer: () => Response, via?: Via) {
  vi.stubGlobal('location', new URL('http://localhost:8080/'));
  vi.stubGlobal('fetch', async (path: string) => (path === '/api/config' ? Response.json(CONFIG) : answer()));
  const told: unknown[][] = [];
  return { told, lab: new Lab('room', (...now) => told.push(now), via) };
}

describe('Lab', () => {
  afterEach(() => vi.unstubAllGlobals());
  const { signal } = new AbortController();

  it('leads through a link of its own', async () => {
    const { lab: own, told } = lab(() => Response.json(LINK, { status: 201 }));
    expect(await own.target(false, signal)).toMatchObject({ url: LINK.url, emulated: true });
    expect(told).toEqual([[LINK]]);
  });

  it('says that it is full, and leads to the server', async () => {
    const { lab: own, told } = lab(() => Response.json({ error: 'too many links' }, { status: 503 }));
    expect(await own.target(false, signal)).toMatchObject({ url: CONFIG.webtransport_url, emulated: false });
    expect(told).toEqual([[null, 'No emulated network: the lab is full.']]);
  });

  it('says what else the server has to say', async () => {
    const { lab: own, told } = lab(() => Response.json({ error: 'Please wait a little.' }, { status: 429 }));
    await own.target(false, signal);
    expect(told).toEqual([[null, 'No emulated network: Please wait a little.']]);
  });

  it('has nothing to say where nobody answered', async () => {
    const { lab: own, told } = lab(() => {
      throw new TypeError('Failed to fetch');
    });
    await own.target(false, signal);
    expect(told).toEqual([[null, '']]);
  });

  it('makes no link where a way is given', async () => {
    const via: Via = { transport: 'websocket', targets: [{ websocket: 'ws://localhost:8080/ws?link=l2' }] };
    const { lab: given, told } = lab(() => {
      throw new Error('a link was asked for');
    }, via);
    expect(await given.target(true, signal)).toEqual({
      url: CONFIG.webtransport_url,
      hashes: [],
      websocket: 'ws://localhost:8080/ws?link=l2',
      emulated: false,
    });
    expect(told).toEqual([]);
  });
});
