import { afterEach, describe, expect, it, vi } from 'vitest';
import { askServer, calls, config, unreachable } from './server.ts';

/** Answers requests with what is given for their path, and lists them. */
function serve(answers: Record<string, unknown>): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    return Response.json(answers[path] ?? { error: 'This needs the key.' }, {
      status: answers[path] ? 200 : 401,
    });
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

describe('what the page knows of its server', () => {
  const { signal } = new AbortController();

  it('is the running calls for who may know them', async () => {
    const running = [{ room: 'demo', participants: [], tracks: 0 }];
    serve({ '/api/config': { operator: true }, '/api/calls': running });
    await askServer(signal);
    expect(calls.value).toEqual(running);
    expect(unreachable.value).toBeNull();
  });

  it('is no trouble for everybody else', async () => {
    const asked = serve({ '/api/config': { operator: false, version: '1' } });
    await askServer(signal);
    expect(asked).toEqual(['/api/config']);
    expect(config.value?.version).toBe('1');
    expect(calls.value).toEqual([]);
    expect(unreachable.value).toBeNull();
  });

  it("is a companion's word that the server is gone, and that it is back", async () => {
    serve({ '/api/config': { operator: false, unreachable: 'The server cannot be reached.' } });
    await askServer(signal);
    expect(unreachable.value).toBe('The server cannot be reached.');
    serve({ '/api/config': { operator: false } });
    await askServer(signal);
    expect(unreachable.value).toBeNull();
  });
});
