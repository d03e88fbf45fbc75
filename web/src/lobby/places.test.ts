import { describe, expect, it } from 'vitest';
import { callLink, isLoopback } from './places.ts';

describe('addresses', () => {
  it.each([
    ['localhost', true],
    ['127.0.0.1', true],
    ['127.0.1.2', true],
    ['[::1]', true],
    ['192.168.1.5', false],
    ['roamcall.example', false],
    ['127.0.0.1.example', false],
  ])('%s is loopback: %s', (host, want) => {
    expect(isLoopback(host)).toBe(want);
  });

  const own = { certificate_public: false, lan_urls: [] };
  const lan = { certificate_public: false, lan_urls: ['https://192.168.1.5:4433/'] };
  const localhost = 'http://localhost:8090';
  it.each([
    ['of this machine, on a network', localhost, lan, 'https://192.168.1.5:4433', ['lan', 'warns']],
    ['of this machine, on none', localhost, own, localhost, ['local']],
    ['not known yet', localhost, null, localhost, ['local']],
    ['public', 'https://call.example', { ...lan, certificate_public: true }, 'https://call.example', []],
    ['on the network', 'https://192.168.1.5:4433', lan, 'https://192.168.1.5:4433', ['warns']],
    [
      "a companion's, public server",
      localhost,
      { ...lan, certificate_public: true, companion: 'https://call.example:4433' },
      'https://call.example:4433',
      [],
    ],
    [
      "a companion's, the server's own certificate",
      localhost,
      { ...own, companion: 'https://192.168.1.7:4433' },
      'https://192.168.1.7:4433',
      ['warns'],
    ],
    [
      "a companion's, server on this machine",
      localhost,
      { ...lan, companion: 'https://127.0.0.1:4433' },
      'https://192.168.1.5:4433',
      ['lan', 'warns'],
    ],
    [
      "a companion's, server on this machine only",
      localhost,
      { ...own, companion: 'https://127.0.0.1:4433' },
      localhost,
      ['local'],
    ],
  ])('gives others an address that they can reach: %s', (_, origin, config, server, facts) => {
    for (const key of ['', 'AAECAwQFBgcICQoLDA0ODw']) {
      expect(callLink({ room: 'demo', key }, { origin }, config)).toEqual({
        url: `${server}/call/demo${key && '#key='}${key}`,
        lan: facts.includes('lan'),
        warns: facts.includes('warns'),
        local: facts.includes('local'),
      });
    }
  });
});
