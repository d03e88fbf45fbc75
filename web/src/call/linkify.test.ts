import { describe, expect, it } from 'vitest';
import { linkify } from './linkify.ts';

const links = (text: string) =>
  linkify(text)
    .filter((p) => p.href !== undefined)
    .map((p) => p.text);

describe('linkify', () => {
  it('finds addresses and keeps all of the text', () => {
    expect(linkify('see https://example.org/a?b=1 and http://localhost:8080, ok')).toEqual([
      { text: 'see ' },
      { text: 'https://example.org/a?b=1', href: 'https://example.org/a?b=1' },
      { text: ' and ' },
      { text: 'http://localhost:8080', href: 'http://localhost:8080/' },
      { text: ', ok' },
    ]);
    for (const text of [
      '',
      'no address',
      'https://a.example',
      'https://',
      'a\nhttps://b.example\n\nc',
      '<b>https://x.example</b>',
    ]) {
      expect(
        linkify(text)
          .map((p) => p.text)
          .join(''),
      ).toBe(text);
    }
  });

  it.each([
    ['https://example.org.', ['https://example.org']],
    ['Is it https://example.org/?!', ['https://example.org/']],
    ['(https://example.org/a)', ['https://example.org/a']],
    ['https://en.wikipedia.org/wiki/QUIC_(protocol)', ['https://en.wikipedia.org/wiki/QUIC_(protocol)']],
    [
      '(see https://en.wikipedia.org/wiki/QUIC_(protocol)).',
      ['https://en.wikipedia.org/wiki/QUIC_(protocol)'],
    ],
    ['"https://example.org/a"', ['https://example.org/a']],
    ['<https://example.org/a>', ['https://example.org/a']],
    ['https://example.org/a;b,c.d', ['https://example.org/a;b,c.d']],
    ['HTTPS://EXAMPLE.ORG/A', ['HTTPS://EXAMPLE.ORG/A']],
    ['https://münchen.example/straße', ['https://münchen.example/straße']],
    ['https://a.example https://b.example', ['https://a.example', 'https://b.example']],
  ])('%s', (text, want) => {
    expect(links(text)).toEqual(want);
  });

  it.each([
    'javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'file:///etc/passwd',
    'ftp://example.org',
    'www.example.org',
    'https://',
    'https://...',
    'https://[::1',
    'https://bank.example@evil.example/',
    'https://bank.example:x@evil.example/',
  ])('%s is no link', (text) => {
    expect(links(text)).toEqual([]);
  });

  it('ends an address at what does not print', () => {
    expect(links('https://example.org/\u202egpj.exe')).toEqual(['https://example.org/']);
    expect(links('https://example.org/\u0007a')).toEqual(['https://example.org/']);
  });
});
