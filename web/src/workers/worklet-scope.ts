// Names of AudioWorkletGlobalScope, which TypeScript's libraries do not declare.

interface Scope {
  AudioWorkletProcessor: new () => { readonly port: MessagePort };
  registerProcessor(name: string, processor: new () => unknown): void;
  readonly currentFrame: number;
  readonly currentTime: number;
  readonly sampleRate: number;
}

const scope = globalThis as unknown as Scope;

export const { AudioWorkletProcessor } = scope;
export const registerProcessor = (name: string, processor: new () => unknown): void =>
  scope.registerProcessor(name, processor);
export const currentFrame = (): number => scope.currentFrame;
export const currentTime = (): number => scope.currentTime;
export const sampleRate = (): number => scope.sampleRate;
