import { describe, expect, it } from 'vitest';
import { parseAnswers, SKIPPED } from './answers.ts';

describe('answers that were kept', () => {
  it('come back', () =>
    expect(parseAnswers(JSON.stringify({ 1: 1, 3: SKIPPED, 6: 0 }))).toEqual({ 1: 1, 3: SKIPPED, 6: 0 }));

  it.each([null, '', 'null', '3', '"x"', '[', '{}', '[]'])('are none in %s', (text) =>
    expect(parseAnswers(text)).toEqual({}),
  );

  it('are left out where they are not as they should be', () =>
    expect(parseAnswers('{"0":1,"1":"1","2":1.5,"3":-2,"4":99,"5":null,"6":2,"7":1,"x":1}')).toEqual({
      6: 2,
    }));
});
