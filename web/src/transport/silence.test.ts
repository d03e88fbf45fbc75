import { describe, expect, it } from 'vitest';
import { RoundTrip, Silence } from './silence.ts';

const direct = { interval: 50, tcp: false };

function listening(at: number, rtt = 0): Silence {
  const silence = new Silence();
  silence.begin(direct, at);
  for (let i = 0; rtt > 0 && i < 50; i++) silence.measured(rtt);
  return silence;
}

describe('RoundTrip', () => {
  it('is smoothed as RFC 6298 has it', () => {
    const trip = new RoundTrip();
    trip.sample(100);
    expect([trip.smoothed, trip.deviation]).toEqual([100, 50]);
    trip.sample(180);
    expect([trip.smoothed, trip.deviation]).toEqual([110, 57.5]);
  });
});

describe('Silence', () => {
  it('is suspect after three reports, or when the round trip says so', () => {
    expect(listening(0).suspect).toBe(150);
    expect(listening(0, 70).suspect).toBe(150);
    expect(listening(0, 300).suspect).toBeCloseTo(300, 0);
    const wild = listening(0);
    for (let i = 0; i < 50; i++) wild.measured(i % 2 ? 40 : 200);
    expect(wild.suspect).toBeGreaterThan(350);
    const fast = listening(0);
    fast.begin({ ...direct, interval: 20 }, 0);
    expect(fast.suspect).toBe(120);
  });

  it('is longer over TCP', () => {
    const silence = listening(0);
    silence.begin({ ...direct, tcp: true }, 0);
    expect(silence.suspect).toBe(500);
  });

  it('is waited through by a session that is ready for a moment and a round trip of its own', () => {
    const silence = listening(0, 10);
    expect(silence.patience(290, 70)).toBe(290 + 30 + 70);
    expect(silence.patience(1_290, 70)).toBe(1_290 + 30 + 70);
    expect(silence.patience(290, 2_000)).toBe(290 + 250);
    silence.heard(280); // although another session has sent its join
    expect(silence.patience(290, 70)).toBe(150 + 30 + 70);
  });

  it('counts only while the timer runs on time', () => {
    const silence = listening(0);
    for (let t = 25; t <= 100; t += 25) silence.tick(t, 25);
    expect(silence.of(100)).toBe(100);
    silence.tick(1_125, 25);
    expect(silence.of(1_125)).toBe(125);
    expect(silence.since(1_125)).toBe(1_125);
    silence.tick(1_200, 25); // a little late is normal
    expect(silence.of(1_200)).toBe(200);
    silence.heard(1_201);
    expect(silence.of(1_211)).toBe(10);
  });

  it('does not subtract a stall that was over when something was heard', () => {
    const silence = listening(0);
    silence.tick(25, 25);
    silence.heard(525); // what had arrived comes before the timer
    silence.tick(526, 25);
    expect(silence.of(626)).toBe(101);
  });

  it('is cautious after a suspicion that was wrong, for a while', () => {
    const silence = listening(0);
    silence.spurious(1_000);
    expect(silence.suspect).toBe(300);
    silence.spurious(2_000);
    expect(silence.suspect).toBe(300);
    silence.tick(11_000, 25);
    expect(silence.suspect).toBe(300);
    silence.tick(12_001, 25);
    expect(silence.suspect).toBe(150);
  });
});
