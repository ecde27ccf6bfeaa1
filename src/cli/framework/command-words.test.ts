import { describe, expect, it } from 'vitest';
import { commandGroups, commands } from '../registry.ts';
import { registryWords } from './command-words.ts';

const read = (line: string): string =>
  registryWords(line.split(' ').filter(Boolean), { commands, groups: commandGroups }).join(' ');

describe('registryWords', () => {
  it.each([
    ['account list', 'account list'],
    ['accounts ls', 'account list'],
    ['lsa get', 'account list'],
    ['linkedserviceaccounts.k11n.dev describe x', 'account show x'],
    ['-o json apps rm x', '-o json app delete x'],
    ['app exec x -- sh', 'app shell x -- sh'],
    ['get accounts', 'account list'],
    ['get lsa/x', 'account list x'],
    ['--context get get apps -o name', '--context get app list -o name'],
    ['describe app shop', 'app status shop'],
    ['describe app/shop', 'app status shop'],
    ['rm lsa x y', 'account delete x y'],
    ['exec app/shop -- sh', 'app shell shop -- sh'],
    ['logs app/shop -f', 'app logs shop -f'],
    ['help', '--help'],
    ['help account', 'account --help'],
    ['help account create', 'account create --help'],
    ['help apps ls', 'app list --help'],
    ['help get accounts', 'account list --help'],
    ['diff -f accounts', 'diff -f accounts'],
    ['apply accounts', 'apply accounts'],
    ['get pods', 'get pods'],
    ['-- get accounts', '-- get accounts'],
    ['', ''],
  ])('reads "%s" as "%s"', (line, canonical) => {
    expect(read(line)).toBe(canonical);
  });

  it('refuses help for a command that does not exist', () => {
    expect(() => read('help nonsense')).toThrow("unknown command 'nonsense'");
    expect(() => read('help account nonsense')).toThrow("unknown command 'account nonsense'");
  });
});
