import { describe, expect, it, vi } from 'vitest';

vi.stubGlobal('navigator', { hardwareConcurrency: 4 });
const { blurred, offersBlur, setBlur } = await import('./blur.ts');

/** A camera that blurs when it is asked to, unless it is stubborn. */
class Camera {
  blur = false;
  constructor(
    readonly able: boolean[] | undefined,
    readonly stubborn = false,
  ) {}
  getCapabilities = () => ({ backgroundBlur: this.able }) as MediaTrackCapabilities;
  getSettings = () => ({ backgroundBlur: this.blur }) as MediaTrackSettings;
  async applyConstraints(c?: MediaTrackConstraints): Promise<void> {
    if (!this.stubborn) this.blur = (c as { backgroundBlur: boolean }).backgroundBlur;
  }
}

describe('background blur', () => {
  it.each([
    [undefined, false],
    [[false], false],
    [[true], false], // the system's own choice
    [[false, true], true],
  ])('of a camera that can %j is offered: %s', (able, want) => {
    expect(offersBlur(new Camera(able))).toBe(want);
  });

  it('goes on and off, and a camera that does not obey is told of', async () => {
    const camera = new Camera([false, true]);
    await setBlur(camera, true);
    expect(camera.blur).toBe(true);
    await setBlur(camera, false);
    expect(camera.blur).toBe(false);
    await expect(setBlur(new Camera([false, true], true), true)).rejects.toThrow(/does not change/);
  });

  it('is asked for when a camera is opened only if it is wanted', () => {
    expect(blurred(true)).toHaveProperty('backgroundBlur', true);
    expect(blurred(false)).not.toHaveProperty('backgroundBlur');
  });
});
