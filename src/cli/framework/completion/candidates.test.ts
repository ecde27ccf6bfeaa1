import { describe, expect, it } from 'vitest';
import { commandGroups, commands } from '../../registry.ts';
import { completeWords } from './candidates.ts';

const complete = (line: string): ReturnType<typeof completeWords> =>
  completeWords(line.split(' '), { commands, groups: commandGroups });

const values = (line: string): readonly string[] => {
  const completed = complete(line);
  return completed.kind === 'candidates' ? completed.candidates.map(({ value }) => value) : [];
};

describe('completeWords', () => {
  it('offers nouns and commands, then verbs', () => {
    expect(values('')).toEqual(expect.arrayContaining(['account', 'app', 'target', 'apply', 'crds']));
    expect(values('')).not.toContain('__complete');
    expect(values('acc')).toEqual(['account']);
    expect(values('account ')).toEqual(expect.arrayContaining(['create', 'edit', 'list', 'show', 'delete']));
    expect(values('account nonsense ')).toEqual([]);
  });

  it('offers options of the command and global ones, and repeatable ones again', () => {
    expect(values('account create --p')).toEqual(['--policy']);
    expect(values('account create x --policy y --p')).toEqual(['--policy']);
    expect(values('account create --no-wait --no')).toEqual(['--no-color']);
    expect(values('account list --con')).toEqual(['--context']);
  });

  it('offers the choices of an option after a space and after an equals sign', () => {
    expect(values('account create --deletion-policy ')).toEqual(['Delete', 'Retain']);
    expect(values('account create --deletion-policy=')).toEqual([
      '--deletion-policy=Delete',
      '--deletion-policy=Retain',
    ]);
    expect(values('crds -o ')).toEqual(['yaml', 'json', 'name']);
  });

  it('asks the cluster that the line selects for names', () => {
    expect(complete('account show ')).toMatchObject({ kind: 'names', of: 'accounts' });
    expect(complete('--context prod app edit --account ')).toMatchObject({
      kind: 'names',
      of: 'accounts',
      cluster: { context: 'prod', kubeconfig: undefined },
    });
    expect(complete('app create x --target production --target ')).toMatchObject({
      of: 'targets',
      given: ['production'],
    });
    expect(complete('app list --kubeconfig=f --context ')).toMatchObject({
      of: 'contexts',
      cluster: { kubeconfig: 'f' },
    });
  });

  it('leaves file names to the shell, and offers nothing for unknown values', () => {
    expect(complete('apply -f ')).toEqual({ kind: 'files' });
    expect(values('account create ')).toEqual([]);
    expect(values('app create x --image ')).toEqual([]);
    expect(values('account show a ')).toEqual([]);
  });
});
