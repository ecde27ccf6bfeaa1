/** Computes candidates for the last word of an unfinished command line, from the registry alone. */
import { loadCommand, type Command, type Completion, type Option, type Vocabulary } from '../command.ts';
import { registryWords } from '../command-words.ts';
import type { GlobalOptions } from '../context.ts';
import { globalOptions } from '../global-options.ts';

export type Candidate = { readonly value: string; readonly summary: string };

export type Completed =
  | { readonly kind: 'candidates'; readonly candidates: readonly Candidate[] }
  /**
   * Names to read from the cluster, the kubeconfig or bundled lists. Each name gets the prefix `lead`, e.g.
   * `--account=`.
   */
  | {
      readonly kind: 'names';
      readonly of: Exclude<Completion, 'files' | { choices: readonly string[] }>;
      readonly lead: string;
      /** Values that the command line already contains for the same option or argument. They are not offered again. */
      readonly given: readonly string[];
      /** Cluster that the unfinished line selects. */
      readonly cluster: Pick<GlobalOptions, 'context' | 'kubeconfig'>;
    }
  | { readonly kind: 'files' };

const helpOption: Option = { name: 'help', short: 'h', summary: 'show help' };

/** @param words all words between `kon` and the cursor; the last one is incomplete and may be empty */
export async function completeWords(words: readonly string[], vocabulary: Vocabulary): Promise<Completed> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const state = await readWords(
    before[0] === 'help' ? before.slice(1) : registryWords(before, vocabulary),
    vocabulary,
  );
  const { command, path, positionals, awaited } = state;
  if (awaited) return completeValue(awaited, '', state);
  const options = [...(command?.options ?? []), ...globalOptions, helpOption];
  if (!state.literal && current.startsWith('-')) {
    const at = current.indexOf('=');
    const option = at < 0 ? undefined : options.find((each) => `--${each.name}` === current.slice(0, at));
    if (option?.value ?? option?.modes) return completeValue(option, current.slice(0, at + 1), state);
    return candidatesOf(
      options
        .filter((each) => each.repeatable || !state.given.has(each.name))
        .map((each) => ({ value: `--${each.name}`, summary: each.summary })),
      current,
    );
  }
  if (!command) return candidatesOf(nextWords(path, vocabulary), current);
  const last = command.positionals.at(-1);
  const positional = command.positionals[positionals.length] ?? (last?.variadic ? last : undefined);
  if (!positional?.complete) return { kind: 'candidates', candidates: [] };
  return completeAs(positional.complete, '', positional.variadic ? positionals : [], state);
}

type State = {
  readonly command: Command | undefined;
  readonly path: readonly string[];
  readonly positionals: readonly string[];
  /** Option whose value is the next word. */
  readonly awaited: Option | undefined;
  readonly given: ReadonlyMap<string, readonly string[]>;
  /** Whether the line contains `--` before the word to complete. */
  readonly literal: boolean;
};

async function readWords(words: readonly string[], vocabulary: Vocabulary): Promise<State> {
  let command: Command | undefined;
  let path: readonly string[] = [];
  let awaited: Option | undefined;
  let literal = false;
  const positionals: string[] = [];
  const given = new Map<string, string[]>();
  for (const word of words) {
    if (awaited) {
      given.get(awaited.name)?.push(word);
      awaited = undefined;
    } else if (literal) positionals.push(word);
    else if (word === '--') literal = true;
    else if (word.startsWith('-') && word !== '-') {
      const [flag, value] = splitOnce(word, '=');
      const option = [...(command?.options ?? []), ...globalOptions].find(
        (each) => flag === `--${each.name}` || (each.short && flag === `-${each.short}`),
      );
      if (!option) continue;
      const values = given.get(option.name) ?? [];
      given.set(option.name, values);
      if (option.value && value === undefined) awaited = option;
      else if (value !== undefined) values.push(value);
    } else if (command) positionals.push(word);
    else {
      path = [...path, word];
      const entry = vocabulary.commands.find((each) => isSame(each.path, path));
      command = entry && (await loadCommand(entry));
    }
  }
  return { command, path, positionals, awaited, given, literal };
}

/** Returns the verbs of a noun. At the start of the line, returns all nouns and the commands without a noun. */
function nextWords(path: readonly string[], { commands, groups }: Vocabulary): readonly Candidate[] {
  const isNext = (each: readonly string[]): boolean =>
    each.length === path.length + 1 && isSame(each.slice(0, -1), path);
  return [...groups, ...commands.filter((command) => !command.hidden)]
    .filter((each) => isNext(each.path))
    .filter((each) => commands.some((command) => isSame(command.path.slice(0, each.path.length), each.path)))
    .map((each) => ({ value: each.path.at(-1) ?? '', summary: each.summary }));
}

function completeValue(option: Option, lead: string, state: State): Completed {
  const given = state.given.get(option.name) ?? [];
  const choices = option.name === 'output' ? state.command?.formats : (option.choices ?? option.modes);
  if (choices) return completeAs({ choices }, lead, given, state);
  return option.complete
    ? completeAs(option.complete, lead, given, state)
    : { kind: 'candidates', candidates: [] };
}

function completeAs(completion: Completion, lead: string, given: readonly string[], state: State): Completed {
  if (completion === 'files') return { kind: 'files' };
  if (typeof completion === 'string') {
    const chosen = (name: string): string | undefined => state.given.get(name)?.at(-1);
    const cluster = { context: chosen('context'), kubeconfig: chosen('kubeconfig') };
    return { kind: 'names', of: completion, lead, given, cluster };
  }
  return {
    kind: 'candidates',
    candidates: completion.choices.map((choice) => ({ value: `${lead}${choice}`, summary: '' })),
  };
}

function candidatesOf(all: readonly Candidate[], typed: string): Completed {
  return { kind: 'candidates', candidates: all.filter(({ value }) => value.startsWith(typed)) };
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((word, index) => word === b[index]);

function splitOnce(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
