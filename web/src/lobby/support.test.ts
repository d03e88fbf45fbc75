import { describe, expect, it } from 'vitest';
import { missingParts } from './support.ts';

const complete = {
  VideoDecoder: 1,
  EncodedVideoChunk: 1,
  AudioDecoder: 1,
  EncodedAudioChunk: 1,
  Worker: 1,
  OffscreenCanvas: 1,
  AudioWorkletNode: 1,
};

describe('browser support', () => {
  it('finds nothing missing in a browser that has everything', () => {
    expect(missingParts(complete)).toEqual([]);
  });

  it('names each missing part once', () => {
    const { Worker: _w, AudioDecoder: _a, EncodedAudioChunk: _e, ...rest } = complete;
    expect(missingParts(rest)).toEqual(['WebCodecs audio', 'Web Workers']);
    expect(missingParts({})).toHaveLength(5);
  });
});
