// Brings captured sound to the one rate that is sent, 48 kHz, and cuts it into blocks.

/** Cubic (Catmull-Rom) resampler with state across calls. */
export class Resampler {
  readonly #step: number; // input samples per output sample
  #tail: number[] = [0, 0, 0]; // last input samples
  #at = 0; // position of the next output sample behind #tail[1], in input samples

  constructor(from: number, to: number) {
    this.#step = from / to;
  }

  push(x: Float32Array): Float32Array {
    if (this.#step === 1) return x;
    const input = Float32Array.from([...this.#tail, ...x]);
    const out: number[] = [];
    let at = this.#at;
    for (; Math.floor(at) + 3 < input.length; at += this.#step) {
      const i = Math.floor(at);
      const f = at - i;
      const [a, b, c, d] = [input[i], input[i + 1], input[i + 2], input[i + 3]] as [
        number,
        number,
        number,
        number,
      ];
      out.push(b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a))));
    }
    this.#at = at - x.length;
    this.#tail = [...input.subarray(input.length - 3)];
    return Float32Array.from(out);
  }
}

/** Cuts a stream of samples into blocks of one length. */
export class Blocker {
  readonly #block: Float32Array<ArrayBuffer>;
  #n = 0;

  constructor(length: number) {
    this.#block = new Float32Array(length);
  }

  /** Calls `emit` with a fresh copy of every block that x completes. */
  push(x: Float32Array, emit: (block: Float32Array<ArrayBuffer>) => void): void {
    let p = 0;
    while (p < x.length) {
      const n = Math.min(x.length - p, this.#block.length - this.#n);
      this.#block.set(x.subarray(p, p + n), this.#n);
      this.#n += n;
      p += n;
      if (this.#n === this.#block.length) {
        this.#n = 0;
        emit(this.#block.slice());
      }
    }
  }
}
