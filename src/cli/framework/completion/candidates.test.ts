import { describe, expect, it } from 'vitest';
import { commandGroups, commands } from '../../registry.ts';
import { completeWords } from './candidates.ts';

const complete = (line: string): ReturnType<typeof completeWords> =>
  completeWords(line.split(' '), { commands, groups: commandGroups });

const values = async (line: string): Promise<readonly string[]> => {
  const completed = await complete(line);
  return completed.kind === 'candidates' ? completed.candidates.map(({ value }) => value) : [];
};

describe('completeWords', () => {
  it('offers nouns and commands first, then the verbs of the noun', async () => {
    expect(await values('')).toEqual(expect.arrayContaining(['account', 'app', 'target', 'apply', 'crds']));
    expect(await values('')).not.toContain('__complete');
    expect(await values('acc')).toEqual(['account']);
    expect(await values('account ')).toEqual(
      expect.arrayContaining(['create', 'edit', 'list', 'show', 'delete']),
    );
    expect(await values('account nonsense ')).toEqual([]);
  });

  it('offers the options of the command and the global options, and offers repeatable options again', async () => {
    expect(await values('account create --p')).toEqual(['--policy']);
    expect(await values('account create x --policy y --p')).toEqual(['--policy']);
    expect(await values('account create --no-wait --no')).toEqual(['--no-color']);
    expect(await values('account list --con')).toEqual(['--context']);
  });

  it('offers the possible values of an option after a space and after an equals sign', async () => {
    expect(await values('account create --deletion-policy ')).toEqual(['Delete', 'Retain']);
    expect(await values('account create --deletion-policy=')).toEqual([
      '--deletion-policy=Delete',
      '--deletion-policy=Retain',
    ]);
    expect(await values('app halt x --dry-run=')).toEqual(['--dry-run=server', '--dry-run=client']);
    expect(await values('app halt x --dry-run --no-w')).toEqual(['--no-wait']);
    expect(await values('crds -o ')).toEqual(['yaml', 'json', 'name']);
  });

  it('requests names from the cluster that the command line selects', async () => {
    expect(await complete('account show ')).toMatchObject({ kind: 'names', of: 'accounts' });
    expect(await complete('--context prod app edit --account ')).toMatchObject({
      kind: 'names',
      of: 'accounts',
      cluster: { context: 'prod', kubeconfig: undefined },
    });
    expect(await complete('app create x --target production --target ')).toMatchObject({
      of: 'targets',
      given: ['production'],
    });
    expect(await complete('app list --kubeconfig=f --context ')).toMatchObject({
      of: 'contexts',
      cluster: { kubeconfig: 'f' },
    });
  });

  it('leaves file names to the shell, and offers nothing for unknown values', async () => {
    expect(await complete('apply -f ')).toEqual({ kind: 'files' });
    expect(await values('account create ')).toEqual([]);
    expect(await values('app create x --image ')).toEqual([]);
    expect(await values('account show a ')).toEqual([]);
  });
});
