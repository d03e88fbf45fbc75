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

  it('gives others an address that they can reach', () => {
    const local = { origin: 'http://localhost:8080', hostname: 'localhost' };
    expect(callLink('demo', local, ['https://192.168.1.5:4433/'])).toEqual({
      url: 'https://192.168.1.5:4433/call/demo',
      lan: true,
      local: false,
    });
    expect(callLink('demo', local, [])).toEqual({
      url: 'http://localhost:8080/call/demo',
      lan: false,
      local: true,
    });
    const public_ = { origin: 'https://roamcall.example', hostname: 'roamcall.example' };
    expect(callLink('demo', public_, ['https://192.168.1.5:4433']).url).toBe(
      'https://roamcall.example/call/demo',
    );
  });
});
