import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Painter } from './painter.ts';

let now = 0;

class FakeImageData {
  readonly data: Uint8ClampedArray;
  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.data = new Uint8ClampedArray(4 * width * height);
  }
}

beforeEach(() => {
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  vi.stubGlobal('ImageData', FakeImageData);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** A painter on a machine where the two ways take so many milliseconds. */
function machine(cost: { draw: number; copy: number }) {
  const shown: string[] = [];
  const open = new Set<object>();
  const context = {
    canvas: { width: 0, height: 0 },
    drawImage: () => {
      now += cost.draw;
      shown.push('draw');
    },
    putImageData: () => {
      shown.push('copy');
    },
  } as unknown as OffscreenCanvasRenderingContext2D;
  const frame = (format: string | null = 'I420', width = 4): VideoFrame => {
    const f = {
      format,
      displayWidth: width,
      displayHeight: 2,
      visibleRect: { width, height: 2 },
      copyTo: async () => {
        now += cost.copy;
      },
      close: () => open.delete(f),
    };
    open.add(f);
    return f as unknown as VideoFrame;
  };
  return { painter: new Painter(context), context, frame, shown, open };
}

const THIRTY = Array.from({ length: 30 }, (_, i) => i);

describe('Painter', () => {
  it.each([
    ['copies where that is quick, and tries nothing else', { draw: 5, copy: 1 }, 'copy', ['copy']],
    ['copies where that is clearly quicker', { draw: 8, copy: 4 }, 'copy', ['copy', 'draw']],
    ['draws where that is quicker', { draw: 6, copy: 10 }, 'draw', ['copy', 'draw']],
    ['draws where it makes little difference', { draw: 3, copy: 2.9 }, 'draw', ['copy', 'draw']],
  ] as const)('%s', async (_, cost, way, tried) => {
    const { painter, frame, shown, open } = machine(cost);
    for (const _ of THIRTY) await painter.paint(frame());
    expect(shown).toHaveLength(30);
    expect(new Set(shown)).toEqual(new Set(tried));
    expect(new Set(shown.slice(-10))).toEqual(new Set([way]));
    expect(open.size).toBe(0);
  });

  it('draws what is not in memory, also after it has chosen to copy', async () => {
    const { painter, frame, shown } = machine({ draw: 5, copy: 1 });
    for (const _ of THIRTY) await painter.paint(frame());
    await painter.paint(frame(null));
    expect(shown.slice(-2)).toEqual(['copy', 'draw']);
  });

  it('shows frames in order and follows their size', async () => {
    const { painter, context, frame, shown, open } = machine({ draw: 5, copy: 1 });
    await Promise.all(THIRTY.map((i) => painter.paint(frame('I420', i < 15 ? 4 : 8))));
    expect(shown).toHaveLength(30);
    expect(context.canvas.width).toBe(8);
    expect(open.size).toBe(0);
  });

  it('goes on after a frame that cannot be shown', async () => {
    const { painter, context, frame, shown, open } = machine({ draw: 5, copy: 1 });
    vi.spyOn(context, 'drawImage').mockImplementationOnce(() => {
      throw new Error('the canvas is gone');
    });
    await expect(painter.paint(frame(null))).rejects.toThrow('gone');
    for (const _ of THIRTY) await painter.paint(frame());
    expect(open.size).toBe(0);
    expect(shown).toHaveLength(30);
  });
});
