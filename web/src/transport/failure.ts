// The one place where errors of transports become words for people.

import type { Failure } from '../call/types.ts';
import { Codes, type Goodbye } from '../protocol/messages.gen.ts';

/** An Error with a Failure in it. */
export class CallError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

const NAMES = new Map<number, string>(
  Object.entries(Codes).map(([name, code]) => [code, name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)]),
);

/** The protocol's code as a word: 'room-full'. */
export function codeName(code: number): string {
  return NAMES.get(code) ?? `code-${code}`;
}

export function goodbyeFailure(g: Goodbye): Failure {
  return { code: codeName(g.code), message: g.message || 'The server ended the call.' };
}

export const UNREACHABLE: Failure = {
  code: 'unreachable',
  message: 'The call server cannot be reached.',
};

export const LOST: Failure = { code: 'connection-lost', message: 'The connection was lost.' };

export const UNSUPPORTED: Failure = {
  code: 'unsupported',
  message: 'This browser cannot hold a call: it lacks WebCodecs. Recent Chrome, Edge and Firefox have them.',
};

/** What any error is to a person; `fallback` where it says nothing of use. */
export function toFailure(error: unknown, fallback: Failure): Failure {
  return error instanceof CallError ? error.failure : fallback;
}
