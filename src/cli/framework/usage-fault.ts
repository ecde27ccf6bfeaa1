/** Explains why the parser rejected a command line, and suggests the closest command. */
import type { CommanderError } from 'commander';
import type { Command, Vocabulary } from './command.ts';
import { type CliError, usageError } from './errors.ts';

export function usageFault(
  error: CommanderError,
  argv: readonly string[],
  vocabulary: Vocabulary,
  chosen: Command | undefined,
): CliError {
  const [message = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = more.map((line) => line.replace(/^\((.*)\)$/, '$1')).filter(Boolean);
  const advice =
    error.code === 'commander.unknownCommand'
      ? verbAdvice(argv, vocabulary)
      : error.code === 'commander.excessArguments'
        ? fileAdvice(argv, chosen)
        : [];
  return usageError(
    message,
    ...(advice.length > 0 ? advice : suggestion),
    `Run: ${nearestHelp(argv, vocabulary)}`,
  );
}

/** Returns advice for a verb that a group does not have, or for a verb without a noun. */
function verbAdvice(argv: readonly string[], { commands, groups }: Vocabulary): readonly string[] {
  const [first = '', second = ''] = argv.filter((word) => !word.startsWith('-'));
  const advice = groups.find(({ path }) => path[0] === first)?.advice?.[second];
  if (advice !== undefined) return [advice];
  return commands
    .filter(
      ({ path, aliases, hidden }) =>
        !hidden && path.length === 2 && (path[1] === first || aliases?.includes(first)),
    )
    .map(({ path }) => `Did you mean: kon ${path.join(' ')}`);
}

/** Returns advice for a file that is given without the option `-f`: `kon apply FILE`. */
function fileAdvice(argv: readonly string[], command: Command | undefined): readonly string[] {
  const file = argv.slice(command?.path.length).find((word) => !word.startsWith('-'));
  const takesFile =
    command?.positionals.length === 0 && command.options.some(({ name }) => name === 'filename');
  return takesFile && file !== undefined
    ? [`Pass files with -f: kon ${command.path.join(' ')} -f ${file}`]
    : [];
}

/** Returns the help command for the longest command or group that the words begin with. */
function nearestHelp(argv: readonly string[], vocabulary: Vocabulary): string {
  const paths = [...vocabulary.commands, ...vocabulary.groups].map((each) => each.path);
  const words = argv.filter((word) => !word.startsWith('-'));
  const matching = paths
    .filter((path) => path.every((word, index) => words[index] === word))
    .toSorted((a, b) => b.length - a.length);
  return ['kon', ...(matching[0] ?? []), '--help'].join(' ');
}
