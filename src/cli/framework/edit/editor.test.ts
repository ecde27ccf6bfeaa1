import { describe, expect, it } from 'vitest';
import { chooseEditor } from './editor.ts';

describe('chooseEditor', () => {
  it.each([
    [{ KON_EDITOR: 'a', VISUAL: 'b', EDITOR: 'c' }, true, 'a'],
    [{ VISUAL: 'b', EDITOR: 'c' }, true, 'b'],
    [{ EDITOR: 'code --wait' }, true, 'code --wait'],
    [{ KON_EDITOR: ' ', EDITOR: 'c' }, true, 'c'],
    [{}, true, 'vi'],
    [{ EDITOR: 'c' }, false, 'c'],
  ])('chooses from %o on a terminal: %s', (env, onTerminal, command) => {
    expect(chooseEditor(env, onTerminal)).toMatchObject({ kind: 'editor', command });
  });

  it('chooses no editor if there is no terminal and no variable names an editor', () => {
    expect(chooseEditor({}, false)).toEqual({ kind: 'none' });
  });
});
