import { describe, expect, it } from 'vitest';
import { actionOf } from './shortcuts.ts';

const plain = { ctrlKey: false, metaKey: false, altKey: false, repeat: false };
const call = { typing: false, dialog: false, networks: 2 };

describe('keys of a call', () => {
  it.each([
    ['m', { do: 'mic' }],
    ['M', { do: 'mic' }],
    ['v', { do: 'camera' }],
    ['t', { do: 'chat' }],
    ['T', { do: 'chat' }],
    ['h', { do: 'hand' }],
    ['c', { do: 'copy' }],
    ['p', { do: 'panel' }],
    ['l', { do: 'layout' }],
    ['S', { do: 'facts' }],
    ['f', { do: 'full' }],
    ['r', { do: 'record' }],
    ['R', { do: 'record' }],
    ['?', { do: 'help' }],
    ['Escape', { do: 'close' }],
    ['1', { do: 'network', index: 0 }],
    ['2', { do: 'network', index: 1 }],
    ['3', null],
    ['0', null],
    ['x', null],
    ['Enter', null],
  ])('%s', (key, want) => {
    expect(actionOf({ ...plain, key }, call)).toEqual(want);
  });

  it('leaves typing, dialogs and the browser alone', () => {
    for (const key of ['m', 'v', 't', 'h', 'c', 'p', '1', '?', 'Escape']) {
      expect(actionOf({ ...plain, key }, { ...call, typing: true })).toBeNull();
      expect(actionOf({ ...plain, key }, { ...call, dialog: true })).toBeNull();
      expect(actionOf({ ...plain, key, ctrlKey: true }, call)).toBeNull();
      expect(actionOf({ ...plain, key, metaKey: true }, call)).toBeNull();
      expect(actionOf({ ...plain, key, altKey: true }, call)).toBeNull();
      expect(actionOf({ ...plain, key, repeat: true }, call)).toBeNull();
    }
  });

  it('has no network keys without a link', () => {
    expect(actionOf({ ...plain, key: '1' }, { ...call, networks: 0 })).toBeNull();
  });
});
