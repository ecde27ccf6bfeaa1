import { describe, expect, it } from 'vitest';
import { CliError } from '../errors.ts';
import { editLoop, type Attempt, type Draft, type Edited } from './edit-loop.ts';

/** Draft in memory with the interface that the loop needs. */
function memoryDraft(): Draft & { text: string | undefined } {
  return {
    path: 'the-draft',
    text: undefined,
    async read() {
      return this.text ?? '';
    },
    async write(text) {
      this.text = text;
    },
    async remove() {
      this.text = undefined;
    },
  };
}

/** @param saves outcomes of the attempts to save, in order; the last one repeats */
async function loop(
  edits: readonly ((text: string) => string)[],
  saves: readonly (Attempt<string> | Error)[],
  mostRounds = 10,
): Promise<{
  outcome: Edited<string> | CliError;
  draft: ReturnType<typeof memoryDraft>;
  shown: string[];
  saved: string[];
}> {
  const draft = memoryDraft();
  const shown: string[] = [];
  const saved: string[] = [];
  const outcome = await editLoop<string>({
    draft,
    initial: '# hint\na: 1\n',
    mostRounds,
    edit: async () => {
      const text = await draft.read();
      shown.push(text);
      const change = edits[shown.length - 1];
      await draft.write(change ? change(text) : text);
    },
    save: async (text) => {
      saved.push(text);
      const result = saves[saved.length - 1];
      if (result instanceof Error) throw result;
      return result ?? { kind: 'done', result: text };
    },
  }).catch((error: unknown) => error as CliError);
  return { outcome, draft, shown, saved };
}

const refusal: Attempt<string> = { kind: 'refused', heading: 'No:', problems: ['a is wrong\nreally'] };

describe('editLoop', () => {
  it('saves changed text and removes the draft', async () => {
    const { outcome, draft, saved } = await loop([() => 'a: 2\n'], []);
    expect(outcome).toEqual({ kind: 'done', result: 'a: 2\n' });
    expect(saved).toEqual(['a: 2\n']);
    expect(draft.text).toBeUndefined();
  });

  it.each([
    ['nothing', (text: string) => text],
    ['comments alone', (text: string) => `# more\n${text}`],
    ['layout alone', () => '{"a": 1}'],
  ])('cancels without saving when the edit changed %s', async (_what, change) => {
    const { outcome, saved, draft } = await loop([change], []);
    expect(outcome).toEqual({ kind: 'cancelled', why: 'unchanged' });
    expect(saved).toEqual([]);
    expect(draft.text).toBeUndefined();
  });

  it.each([
    ['empty', ''],
    ['blank', ' \n\n'],
    ['comments alone', '# hint\n'],
  ])('cancels when the text is %s', async (_what, text) => {
    const { outcome } = await loop([() => text], []);
    expect(outcome).toEqual({ kind: 'cancelled', why: 'emptied' });
  });

  it('opens refused text again with the reason at the top, and saves the corrected text without the reason', async () => {
    const { outcome, shown, saved } = await loop(
      [() => '# mine\na: x\n', (text) => text.replace('x', '3')],
      [refusal],
    );
    expect(shown[1]).toBe(
      '#! No:\n#!   a is wrong\n#!   really\n#! Correct the manifest, save and close. To cancel, close without a change.\n# mine\na: x\n',
    );
    expect(saved).toEqual(['# mine\na: x\n', '# mine\na: 3\n']);
    expect(outcome).toMatchObject({ kind: 'done' });
  });

  it('shows the reason for the last refusal, and no earlier reason', async () => {
    const { shown } = await loop(
      [() => 'a: x\n', () => 'a: y\n', () => 'a: 4\n'],
      [refusal, { kind: 'refused', heading: 'Still no:', problems: [] }],
    );
    expect(shown[2]).toContain('Still no:');
    expect(shown[2]).not.toContain('a is wrong');
  });

  it('keeps the text when the user gives up', async () => {
    const { outcome, draft } = await loop([() => 'a: x\n'], [refusal]);
    expect(outcome).toMatchObject({
      code: 'EDIT_CANCELLED',
      details: ['Your text is kept in the-draft'],
    });
    expect(draft.text).toContain('a: x');
  });

  it('keeps the text when saving or the editor fails, and reports the path of the file', async () => {
    const failed = new CliError('CLUSTER_UNREACHABLE', 'gone', { next: ['wait'] });
    const { outcome, draft } = await loop([() => 'a: 2\n'], [failed]);
    expect(outcome).toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: 'gone',
      details: ['Your text is kept in the-draft'],
      next: ['wait'],
    });
    expect(draft.text).toBe('a: 2\n');
  });

  it('ends after the maximum number of rounds, and reports the last problem', async () => {
    const endless = Array.from({ length: 5 }, (_, n) => () => `a: x${n}\n`);
    const { outcome, shown } = await loop(
      endless,
      Array.from({ length: 5 }, () => refusal),
      3,
    );
    expect(shown).toHaveLength(3);
    expect(outcome).toMatchObject({
      code: 'EDIT_CANCELLED',
      details: [...('problems' in refusal ? refusal.problems : []), 'Your text is kept in the-draft'],
    });
  });

  it('compares texts literally if one of them is not valid YAML', async () => {
    const { outcome, saved } = await loop([() => 'a: [\n', () => 'a: 5\n'], [refusal]);
    expect(saved[0]).toBe('a: [\n');
    expect(outcome).toMatchObject({ kind: 'done' });
  });
});
