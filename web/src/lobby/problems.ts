// Why a camera or microphone cannot be used, in words for people and with what to do about it. getUserMedia only says a DOMException's name.

export type DeviceKind = 'camera' | 'microphone';

export interface DeviceProblem {
  code: 'insecure' | 'denied' | 'denied-by-system' | 'missing' | 'in-use' | 'gone' | 'unknown';
  title: string;
  advice: string;
}

function both(kinds: DeviceKind[]): string {
  return kinds.length === 2 ? 'camera and microphone' : (kinds[0] ?? 'camera');
}

/** Puts a getUserMedia error about the given devices into words. */
export function deviceProblem(error: { name: string; message: string }, kinds: DeviceKind[]): DeviceProblem {
  const what = both(kinds);
  const it = kinds.length === 2 ? 'them' : 'it';
  switch (error.name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
    case 'SecurityError':
      if (/system/i.test(error.message)) {
        return {
          code: 'denied-by-system',
          title: `Your system does not let this browser use the ${what}.`,
          advice: `Allow ${it} for the browser in the privacy settings of your computer or phone, then try again.`,
        };
      }
      return {
        code: 'denied',
        title: `This page may not use your ${what}.`,
        advice: `Press the symbol to the left of the address, allow the ${what}, then try again.`,
      };
    case 'NotFoundError':
    case 'DevicesNotFoundError':
      return {
        code: 'missing',
        title: kinds.length === 2 ? 'No camera or microphone was found.' : `No ${what} was found.`,
        advice: 'Plug one in and try again.',
      };
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return {
        code: 'in-use',
        title: `The ${what} cannot be opened.`,
        advice: `Another program or tab probably uses ${it}. Close that one, or choose another device, then try again.`,
      };
    case 'OverconstrainedError':
    case 'ConstraintNotSatisfiedError':
      return {
        code: 'gone',
        title: `The chosen ${what} is not there any more.`,
        advice: 'Choose another device.',
      };
    default:
      return {
        code: 'unknown',
        title: `The ${what} could not be opened.`,
        advice: `The browser says: ${error.message || error.name}. Try again, or restart the browser.`,
      };
  }
}

/** A page on plain http from another machine gets no devices, and no WebTransport either. */
export function insecureProblem(secureUrl: string | null): DeviceProblem {
  return {
    code: 'insecure',
    title: 'This address is not secure, so the browser gives it no camera, microphone or WebTransport.',
    advice: secureUrl
      ? `Open ${secureUrl} instead.`
      : 'Open the https address of this server, or http://localhost on the machine it runs on.',
  };
}
