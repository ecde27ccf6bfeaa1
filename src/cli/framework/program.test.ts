import { describe, expect, it } from 'vitest';
import { defineCommand, type CommandEntry, type Options } from './command.ts';
import { CliError } from './errors.ts';
import { parseCommandLine, type Invocation } from './program.ts';

const fruits = {
  kind: { short: 'k', value: 'KIND', summary: 'a kind', choices: ['apple', 'pear'] },
  size: { value: 'N', summary: 'a size', parse: Number, default: '3' },
  seed: { value: 'NAME', summary: 'a seed', repeatable: true },
  account: { value: 'NAME', summary: 'with' },
  'no-account': { summary: 'without' },
  'no-wait': { summary: 'at once' },
  ripe: { summary: 'ripe' },
  'dry-run': { modes: ['server', 'client'], summary: 'pick nothing' },
} as const satisfies Options;

const pickDefinition = defineCommand({
  positionals: {
    tree: { required: true, summary: 'which tree' },
    branches: { variadic: true, summary: 'which branches' },
  },
  options: fruits,
  returns: 'document',
  examples: {},
  run: async () => 0,
});
const pick: CommandEntry = {
  path: ['fruit', 'pick'],
  summary: 'Pick fruit',
  load: async () => pickDefinition,
};
const wash: CommandEntry = {
  path: ['wash'],
  summary: 'Wash',
  load: async () => defineCommand({ examples: {}, run: async () => 0 }),
};
const vocabulary = { commands: [pick, wash], groups: [{ path: ['fruit'], summary: 'Fruit' }] };

const parse = (line: string): Promise<Invocation> =>
  parseCommandLine(line.split(' ').filter(Boolean), vocabulary, '1.2.3');

const inputOf = async (line: string): Promise<unknown> => {
  const invocation = await parse(line);
  return invocation.kind === 'run' ? invocation.input : invocation;
};

describe('parseCommandLine', () => {
  it('returns every declared argument and option, including those that the user did not give', async () => {
    expect(await inputOf('fruit pick oak')).toEqual({
      args: { tree: 'oak', branches: [] },
      options: {
        kind: undefined,
        size: 3,
        seed: [],
        account: undefined,
        noAccount: false,
        noWait: false,
        ripe: false,
        dryRun: false,
      },
    });
  });

  it('reads the mode of a flag only after an equals sign, never from the next word', async () => {
    for (const [line, mode] of [
      ['fruit pick --dry-run oak', 'server'],
      ['fruit pick oak --dry-run', 'server'],
      ['fruit pick --dry-run=client oak', 'client'],
      ['fruit pick oak --dry-run=server', 'server'],
    ] as const)
      expect(await parse(line), line).toMatchObject({
        input: { args: { tree: 'oak' }, options: { dryRun: true } },
        global: { dryRun: mode },
      });
    expect(await inputOf('fruit pick oak -- --dry-run')).toMatchObject({
      args: { branches: ['--dry-run'] },
      options: { dryRun: false },
    });
    await expect(parse('fruit pick oak --dry-run client')).rejects.toThrow(
      '"client" after --dry-run is read as an argument, not as the value of --dry-run',
    );
    await expect(parse('fruit pick oak --dry-run=perhaps')).rejects.toThrow("argument 'perhaps' is invalid");
  });

  it('accepts --wait=false and --wait=true, as kubectl does', async () => {
    const noWait = (line: string): Promise<unknown> => inputOf(`fruit pick oak ${line}`);
    expect(await noWait('--wait=false')).toMatchObject({ options: { noWait: true } });
    expect(await noWait('--wait=true')).toMatchObject({ options: { noWait: false } });
    await expect(noWait('--wait=perhaps')).rejects.toThrow('--wait does not accept perhaps');
    await expect(parse('wash --wait=false')).rejects.toThrow("unknown option '--wait=false'");
    expect(await parse('fruit pick --help')).not.toMatchObject({ text: expect.stringContaining('--wait ') });
  });

  it('collects and parses values, and distinguishes them from flags', async () => {
    expect(
      await inputOf('fruit pick oak a b -k pear --size=7 --seed x --seed y --account me --no-wait --ripe'),
    ).toEqual({
      args: { tree: 'oak', branches: ['a', 'b'] },
      options: {
        kind: 'pear',
        size: 7,
        seed: ['x', 'y'],
        account: 'me',
        noAccount: false,
        noWait: true,
        ripe: true,
        dryRun: false,
      },
    });
    expect(await inputOf('fruit pick oak --no-account')).toMatchObject({
      options: { account: undefined, noAccount: true },
    });
  });

  it('lists in the help only the formats of the command, and no --output for a command without formats', async () => {
    const helpOf = async (line: string): Promise<string> => {
      const invocation = await parse(`${line} --help`);
      return invocation.kind === 'text' ? invocation.text : '';
    };
    expect(await helpOf('fruit pick')).toContain('output format: table, json, yaml\n');
    expect(await helpOf('wash')).toContain('--context <NAME>');
    expect(await helpOf('wash')).not.toContain('--output');
    expect(await helpOf('')).toMatch(/output format: table, wide,[^]*short/);
  });

  it('keeps words after -- unchanged', async () => {
    expect(await inputOf('fruit pick oak -- --size -o json')).toMatchObject({
      args: { branches: ['--size', '-o', 'json'] },
      options: { size: 3 },
    });
  });

  it('refuses a command after --', async () => {
    for (const line of ['-- fruit pick oak', '--no-color -- wash'])
      await expect(parse(line)).rejects.toThrow('"--" precedes the command');
  });

  it('loads the chosen command only', async () => {
    const refusing: CommandEntry = { ...wash, load: () => Promise.reject(new Error('was loaded')) };
    const commands = [pick, refusing];
    for (const line of ['fruit pick oak', '--no-color fruit pick oak', 'fruit --help', '--help']) {
      const parsed = await parseCommandLine(line.split(' '), { ...vocabulary, commands }, '1.2.3');
      expect(parsed.kind, line).toBe(line.endsWith('--help') ? 'text' : 'run');
    }
  });

  it('accepts global options before and after the command', async () => {
    for (const line of [
      '-o json --context c fruit pick oak --no-color',
      'fruit --no-color pick oak --context c -o json',
    ])
      expect(await parse(line)).toMatchObject({
        global: { output: 'json', context: 'c', color: false, verbose: false },
      });
  });

  it('returns text for a request for help or the version', async () => {
    expect(await parse('--version')).toEqual({ kind: 'text', text: '1.2.3\n' });
    for (const line of ['', '--help', 'fruit --help', 'fruit pick --help', 'help fruit pick'])
      expect(await parse(line), line).toMatchObject({
        kind: 'text',
        text: expect.stringContaining('Usage: kon') as string,
      });
    expect(await parse('fruit')).toMatchObject({ kind: 'incomplete' });
  });

  it.each([
    ['fruit pick', "missing required argument 'tree'"],
    ['fruit pick oak --kind plum', "'plum' is invalid"],
    ['fruit pick oak -o name', 'kon fruit pick does not support --output name'],
    ['wash -o json', 'kon wash does not support --output'],
    ['wash --hard', "unknown option '--hard'"],
    ['wash it', 'too many arguments'],
    ['fruit pik', "unknown command 'pik'"],
  ])('refuses: %s', async (line, message) => {
    const error = await parse(line).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CliError);
    expect(error).toMatchObject({
      code: 'USAGE',
      exitCode: 2,
      message: expect.stringContaining(message) as string,
    });
  });

  it('lists the formats of the command when it refuses another format', async () => {
    const next = async (line: string): Promise<unknown> => {
      const thrown: unknown = await parse(line).catch((error: unknown) => error);
      return thrown instanceof CliError && thrown.next;
    };
    expect(await next('fruit pick oak -o xml')).toEqual(['Choose one of: table, json, yaml.']);
    expect(await next('wash -o xml')).toEqual([]);
  });

  it('refuses two different values of an option that accepts only one value', async () => {
    await expect(parse('fruit pick oak --account a --account b')).rejects.toThrow(
      '--account was given twice: "a" and "b"',
    );
    expect(await inputOf('fruit pick oak --account a --account a')).toMatchObject({
      options: { account: 'a' },
    });
    expect(await parse('--context a fruit pick oak --context b')).toMatchObject({ global: { context: 'b' } });
  });

  it.each([40, 60, 80, 120])('wraps help between words for a terminal of %i columns', async (columns) => {
    for (const words of [['--help'], ['fruit', 'pick', '--help']]) {
      const help = await parseCommandLine(words, vocabulary, '1.2.3', columns);
      const text = help.kind === 'text' ? help.text : '';
      // Examples are commands, which are not wrapped.
      const [described = ''] = text.split(/^(?:Examples|Get started):$/m);
      const long = described
        .split('\n')
        .filter((line) => line.length > columns && !line.startsWith('Usage:'));
      expect(long).toEqual([]);
    }
  });

  it('refers a user to the help of the given command after a wrong option', async () => {
    const error = await parse('fruit pick oak --hard').catch((thrown: unknown) => thrown as CliError);
    expect(error).toMatchObject({ next: ['Run: kon fruit pick --help'] });
  });
});
