import { describe, expect, it } from 'vitest';
import { fullBitrate, ofHeight, PictureSize, within } from './picture-size.ts';
import { shareOut } from './share-out.ts';

describe('bits are shared out', () => {
  const small = { least: 60, most: 200, first: true };
  const camera = { least: 100, most: 1500, first: false };
  const screen = { least: 100, most: 1500, first: true };
  it.each([
    ['nothing', 500, [], []],
    ['one', 700, [camera], [700]],
    ['one that has enough', 5_000, [camera], [1500]],
    ['one that has too little', 20, [camera], [100]],
    ['the small one first', 500, [camera, small], [300, 200]],
    ['the least of both', 100, [camera, small], [100, 60]],
    ['a screen before a camera', 1_000, [camera, screen], [100, 900]],
    ['what is left of it', 2_000, [camera, screen], [500, 1500]],
  ])('%s', (_, total, demands, want) => {
    expect(shareOut(total, demands)).toEqual(want);
  });
});

describe('the size of a picture', () => {
  const full = { width: 1280, height: 720 };

  it('takes bits', () => {
    expect(fullBitrate(full)).toBe(1_500_000);
    expect(fullBitrate({ width: 640, height: 360 })).toBeGreaterThan(600_000);
    expect(fullBitrate({ width: 320, height: 180 })).toBeLessThan(300_000);
  });

  it('has even sides, and no more pixels than are sent', () => {
    expect(within({ width: 1921, height: 1081 }, 1920 * 1080)).toEqual({ width: 1920, height: 1080 });
    expect(within({ width: 1280, height: 720 }, 640 * 360)).toEqual({ width: 640, height: 360 });
    expect(within({ width: 333, height: 251 }, 1e9)).toEqual({ width: 332, height: 250 });
    expect(ofHeight({ width: 640, height: 480 }, 180)).toEqual({ width: 240, height: 180 });
  });

  it('gives way to too few bits in steps, and comes back after a rest', () => {
    const size = new PictureSize();
    const heights: number[] = [];
    for (let t = 10_000; t < 22_000; t += 1_000) {
      heights.push(size.choose(full, t < 16_000 ? 150_000 : 1_500_000, false, t).height);
    }
    expect(heights).toEqual([720, 480, 360, 240, 240, 240, 240, 240, 720, 720, 720, 720]);
  });

  it('gives way where the encoder needs more than it is given, and tries again less and less often', () => {
    const size = new PictureSize();
    const raised: number[] = [];
    let height = 720;
    for (let t = 0; t < 120_000; t += 100) {
      const chosen = size.choose(full, 1_500_000, height === 720, t).height;
      if (chosen > height) raised.push(t);
      height = chosen;
    }
    expect(height).toBe(480);
    const rests = raised.map((t, i) => t - (raised[i - 1] ?? 0));
    expect(rests.length).toBeGreaterThan(2);
    expect(rests.slice(2).every((r, i) => r > 1.5 * (rests[i + 1] as number))).toBe(true);
  });

  it('gives way where frames come more slowly for it', () => {
    const size = new PictureSize();
    const raised: number[] = [];
    let height = 0;
    let slow = 0;
    for (let t = 0; t < 60_000; t += height === 720 ? 80 : 33) {
      const chosen = size.choose(full, t < 3_000 ? 300_000 : 1_500_000, false, t).height; // at first there are too few bits
      if (height > 0 && chosen > height) raised.push(t);
      height = chosen;
      if (t > 5_000 && height === 720) slow += 80;
    }
    expect(height).toBeLessThan(720);
    expect(raised.length).toBeGreaterThan(1);
    expect(slow).toBeLessThan(1_500 * raised.length);
  });

  it('outlives a moment with few, and is never that of the small encoding', () => {
    const size = new PictureSize();
    const modest = { width: 640, height: 360 };
    const at = (t: number, bitrate: number) => size.choose(modest, bitrate, false, t).height;
    expect([at(0, 600_000), at(500, 50_000), at(1_200, 600_000), at(1_300, 50_000)]).toEqual([
      360, 360, 360, 360,
    ]);
    expect([3_000, 5_000, 9_000, 20_000].map((t) => at(t, 50_000))).toEqual([240, 240, 240, 240]);
  });
});
