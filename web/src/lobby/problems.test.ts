import { describe, expect, it } from 'vitest';
import { deviceProblem, insecureProblem } from './problems.ts';

describe('device problems', () => {
  it.each([
    ['NotAllowedError', 'Permission denied', 'denied'],
    ['NotAllowedError', 'Permission denied by system', 'denied-by-system'],
    ['SecurityError', '', 'denied'],
    ['NotFoundError', 'Requested device not found', 'missing'],
    ['NotReadableError', 'Could not start video source', 'in-use'],
    ['AbortError', 'Starting videoinput failed', 'in-use'],
    ['OverconstrainedError', '', 'gone'],
    ['TypeError', 'odd', 'unknown'],
  ])('%s (%s) is %s', (name, message, code) => {
    expect(deviceProblem({ name, message }, ['camera']).code).toBe(code);
  });

  it('speaks of the devices that were asked for', () => {
    const denied = { name: 'NotAllowedError', message: '' };
    expect(deviceProblem(denied, ['camera']).title).toBe('This page may not use your camera.');
    expect(deviceProblem(denied, ['microphone']).title).toBe('This page may not use your microphone.');
    expect(deviceProblem(denied, ['camera', 'microphone']).title).toBe(
      'This page may not use your camera and microphone.',
    );
    const missing = { name: 'NotFoundError', message: '' };
    expect(deviceProblem(missing, ['camera', 'microphone']).title).toBe('No camera or microphone was found.');
  });

  it('never hides what the browser said about an unknown error', () => {
    expect(deviceProblem({ name: 'WeirdError', message: '' }, ['camera']).advice).toContain('WeirdError');
    expect(deviceProblem({ name: 'WeirdError', message: 'detail' }, ['camera']).advice).toContain('detail');
  });

  it('says where to go from an insecure address', () => {
    expect(insecureProblem('https://192.168.1.5:4433').advice).toContain('https://192.168.1.5:4433');
    expect(insecureProblem(null).advice).toContain('localhost');
  });
});
