/**
 * Rewrites a command line into the words of the registry: replaces aliases, kubectl's order of verb and noun, and `kon
 * help NOUN VERB`. Pure.
 */
import type { CommandEntry, CommandGroup, Vocabulary } from './command.ts';
import { usageError } from './errors.ts';
import { globalOptions } from './global-options.ts';
import { nounOf, splitName } from './object-name.ts';

/**
 * Returns the command line in canonical form (the noun before the verb, no aliases), and the command that its first
 * words select, if any.
 *
 * @throws CliError of code USAGE for `kon help` about a command that does not exist
 */
export function resolveCommandLine(
  given: readonly string[],
  vocabulary: Vocabulary,
): { readonly argv: readonly string[]; readonly entry: CommandEntry | undefined } {
  const argv = registryWords(given, vocabulary);
  const words = wordIndexes(argv).map((index) => argv[index]);
  const entry = vocabulary.commands.find(({ path }) => path.every((word, index) => words[index] === word));
  return { argv, entry };
}

/** @throws CliError of code USAGE for `kon help` about a command that does not exist */
export function registryWords(argv: readonly string[], vocabulary: Vocabulary): readonly string[] {
  const [first, second] = wordIndexes(argv);
  if (first === undefined) return argv;
  if (argv[first] === 'help') return helpWords(argv, first, vocabulary);
  const words = nounBeforeVerb(argv, [first, second], vocabulary);
  return words.length === 0 ? argv : replaced(argv, [first, second], words);
}

/** Returns the positions of the first two words that are neither a global option nor its value. */
function wordIndexes(argv: readonly string[]): readonly number[] {
  const found: number[] = [];
  for (let index = 0; index < argv.length && found.length < 2; index += 1) {
    const word = argv[index]!;
    if (word === '--') break;
    if (!word.startsWith('-')) found.push(index);
    else if (
      globalOptions.some(({ name, short, value }) => value && (word === `--${name}` || word === `-${short}`))
    )
      index += 1;
  }
  return found;
}

type Pair = readonly [first: number, second: number | undefined];

/**
 * Translates the first one or two words of a command line into canonical form: `get accounts` becomes `account list`.
 * Returns an empty list if the words need no translation or are unknown.
 */
function nounBeforeVerb(
  argv: readonly string[],
  [first, second]: Pair,
  vocabulary: Vocabulary,
): readonly string[] {
  const [one = '', two] = [argv[first], second === undefined ? undefined : argv[second]];
  const group = groupOf(one, vocabulary);
  if (group) {
    const noun = group.path[0]!;
    return two === undefined ? [noun] : [noun, verbOf(noun, two, vocabulary) ?? two];
  }
  if (two === undefined || vocabulary.commands.some(({ path }) => path.length === 1 && path[0] === one))
    return [];
  // kubectl's order: `kon get accounts`, `kon describe lsa/myaccount`.
  const { kind, name } = splitName(two);
  const noun = groupOf(kind ?? two, vocabulary)?.path[0];
  const verb = noun === undefined ? undefined : verbOf(noun, one, vocabulary);
  if (noun === undefined || verb === undefined) return [];
  return kind === undefined ? [noun, verb] : [noun, verb, name];
}

function groupOf(word: string, { groups }: Vocabulary): CommandGroup | undefined {
  const named = groups.find(({ path, aliases }) => path[0] === word || aliases?.includes(word));
  const noun = named ? undefined : nounOf(word);
  return named ?? groups.find(({ path }) => path[0] === noun);
}

function verbOf(noun: string, word: string, { commands }: Vocabulary): string | undefined {
  const verbs = commands.filter(({ path }) => path.length === 2 && path[0] === noun);
  const named = verbs.find(({ path }) => path[1] === word);
  return (named ?? verbs.find(({ aliases }) => aliases?.includes(word)))?.path[1];
}

/** Replaces the first word with the given words, and removes the second word. */
function replaced(
  argv: readonly string[],
  [first, second]: Pair,
  words: readonly string[],
): readonly string[] {
  return argv.flatMap((word, index) => (index === first ? words : index === second ? [] : [word]));
}

/** Rewrites `kon help account create` to `kon account create --help`. */
function helpWords(argv: readonly string[], first: number, vocabulary: Vocabulary): readonly string[] {
  const rest = [...argv.slice(0, first), ...argv.slice(first + 1)];
  const canonical = registryWords(rest, vocabulary);
  const words = canonical.filter((word) => !word.startsWith('-'));
  const known = [...vocabulary.commands, ...vocabulary.groups].some(
    ({ path }) => path.length === words.length && path.every((word, index) => words[index] === word),
  );
  if (words.length > 0 && !known)
    throw usageError(`unknown command '${words.join(' ')}'`, 'List all commands: kon --help');
  return [...canonical, '--help'];
}
