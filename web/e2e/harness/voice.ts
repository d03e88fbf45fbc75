// Somebody who does not stop speaking, as a WAV file for Chromium's made-up microphone: a low tone with overtones in syllables.

import { mkdir, writeFile } from 'node:fs/promises';
import { OUT } from './build.ts';

const RATE = 48_000;
const SECONDS = 2;
const PITCH_HZ = 140;
const SYLLABLES_HZ = 4;

/** Writes the file and tells where it is. */
export async function voiceFile(): Promise<string> {
  const samples = new Int16Array(RATE * SECONDS);
  for (let i = 0; i < samples.length; i++) {
    const t = i / RATE;
    let v = 0;
    for (let n = 1; n <= 6; n++) v += Math.sin(2 * Math.PI * PITCH_HZ * n * t) / n;
    samples[i] = 9_000 * v * (0.6 + 0.4 * Math.sin(2 * Math.PI * SYLLABLES_HZ * t));
  }
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.byteLength, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); // PCM
  head.writeUInt16LE(1, 22); // one channel
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.byteLength, 40);
  await mkdir(OUT, { recursive: true });
  const path = `${OUT}/voice.wav`;
  await writeFile(path, Buffer.concat([head, Buffer.from(samples.buffer)]));
  return path;
}
