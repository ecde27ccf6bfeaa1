import { describe, expect, it } from 'vitest';
import type { Command } from './framework/command.ts';
import { globalOptions } from './framework/global-options.ts';
import { parseCommandLine } from './framework/program.ts';
import { commandGroups, commands as entries, loadCommands } from './registry.ts';

const commands = await loadCommands();
const vocabulary = { commands: entries, groups: commandGroups };
const nameOf = (command: Command): string => command.path.join(' ');
const visible = commands.filter((command) => !command.hidden);

describe('the registry of commands', () => {
  it('has no two commands with the same name or alias', () => {
    const names = commands.flatMap(({ path, aliases = [] }) =>
      [path.at(-1), ...aliases].map((word) => [...path.slice(0, -1), word].join(' ')),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it('accepts KIND/NAME wherever a command takes the name of an object', () => {
    const nouns = { accounts: 'account', apps: 'app', targets: 'target' } as const;
    // Values that need not accept KIND/NAME: the namespace of a sandbox pod is not a target, and dependencies have the
    // form TARGET/APP.
    const exempt = new Set(['sandbox exec namespace', 'app create depends-on', 'app edit depends-on']);
    const wrong = visible.flatMap((command) =>
      [...command.positionals, ...command.options]
        .filter(({ name, complete, names }) => {
          const noun =
            typeof complete === 'string' && complete in nouns && nouns[complete as keyof typeof nouns];
          return noun && names !== noun && !exempt.has(`${nameOf(command)} ${name}`);
        })
        .map(({ name }) => `${nameOf(command)} ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has a description for each noun', () => {
    const groups = new Set(commandGroups.map((group) => group.path.join(' ')));
    const nouns = commands.map((command) => command.path.slice(0, -1).join(' ')).filter(Boolean);
    expect(nouns.filter((noun) => !groups.has(noun))).toEqual([]);
  });

  it('marks a command as mutating if and only if it has a dry run or asks for confirmation', () => {
    const asks = commands.filter(({ options }) =>
      options.some(({ name }) => name === 'dry-run' || name === 'yes'),
    );
    expect(commands.filter(({ mutates }) => mutates).map(nameOf)).toEqual(asks.map(nameOf));
  });

  it('gives each dry run of an account, an app or a target the modes client and server, as in kubectl', () => {
    const modes = commands.flatMap(({ path, options }) =>
      path.length > 1 || path[0] === 'apply' ? options.filter(({ name }) => name === 'dry-run') : [],
    );
    expect(modes.length).toBeGreaterThan(15);
    for (const option of modes) expect(option.modes).toEqual(['server', 'client']);
  });

  it.each(visible.map((command) => [nameOf(command), command] as const))(
    '%s: options are unique, and none hides a global option',
    (_name, command) => {
      const all = [...command.options, ...globalOptions];
      const longs = all.map((option) => option.name);
      const shorts = all.flatMap((option) => option.short ?? []);
      expect(new Set(longs).size).toBe(longs.length);
      expect(new Set([...shorts, 'h']).size).toBe(shorts.length + 1);
    },
  );

  it.each(visible.map((command) => [nameOf(command), command] as const))(
    '%s: only the last positional is variadic, and no required positional follows an optional positional',
    (_name, command) => {
      const { positionals } = command;
      expect(positionals.slice(0, -1).filter((positional) => positional.variadic)).toEqual([]);
      const firstOptional = positionals.findIndex((positional) => !positional.required);
      if (firstOptional >= 0)
        expect(positionals.slice(firstOptional).filter((positional) => positional.required)).toEqual([]);
    },
  );

  it.each(visible.map((command) => [nameOf(command), command] as const))(
    '%s: has examples that parse to this command',
    async (_name, command) => {
      expect(command.examples.length).toBeGreaterThan(0);
      for (const example of command.examples) {
        const words = wordsOfKon(example.command);
        if (!words) continue;
        const invocation = await parseCommandLine(words, vocabulary, '0');
        expect(invocation, example.command).toMatchObject({ kind: 'run', command: { path: command.path } });
      }
    },
  );
});

/** Returns the arguments of `kon` in a shell line; undefined if `kon` occurs only within quotes or `$(…)`. */
function wordsOfKon(line: string): readonly string[] | undefined {
  const tokens: readonly string[] = line.match(/'[^']*'|"[^"]*"|[^\s'"]+/g) ?? [];
  const start = tokens.indexOf('kon');
  if (start < 0) return undefined;
  const after = tokens.slice(start + 1);
  const end = after.findIndex((token) => ['|', '>', '>>', '&&', ';'].includes(token));
  return (end < 0 ? after : after.slice(0, end)).map((token) => token.replace(/^(['"])(.*)\1$/, '$2'));
}
