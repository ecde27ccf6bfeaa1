/** Options that several commands share, and functions that combine their values. */
import type { Options, Positionals } from './command.ts';
import { parseDuration } from './duration.ts';
import { usageError } from './errors.ts';
import type { ObjectNoun } from './object-name.ts';

export const waitOptions = {
  'no-wait': { summary: 'return after saving, without waiting for the change to take effect' },
  timeout: {
    value: 'DURATION',
    summary: 'how long to wait',
    default: '2m',
    parse: parseDuration,
  },
} as const satisfies Options;

/** Option `--dry-run` as in kubectl, but the default mode is `server`. The mode is in `context.global.dryRun`. */
export const dryRunOption = {
  'dry-run': {
    modes: ['server', 'client'],
    summary: 'save nothing: validate on the API server or, with --dry-run=client, on this machine only',
  },
} as const satisfies Options;

/** Options of commands that save a change and wait until it takes effect. */
export const writeOptions = { ...dryRunOption, ...waitOptions } as const satisfies Options;

export const forceOption = {
  force: {
    summary: 'save the object although it names a target, account, policy or role that does not exist',
  },
} as const satisfies Options;

export const watchOption = {
  watch: {
    short: 'w',
    summary: 'show the object again after each change, until Ctrl-C; with -o json, one object per line',
  },
} as const satisfies Options;

/** Options that watch a list, as in `kubectl get`. */
export const watchListOptions = {
  watch: {
    short: 'w',
    summary: 'after the list, print a row for each change, until Ctrl-C; with -o json one object per line',
  },
  'output-watch-events': {
    summary: 'like --watch, with the kind of each change: ADDED, MODIFIED or DELETED',
  },
} as const satisfies Options;

export const sortOption = {
  'sort-by': {
    value: 'COLUMN',
    summary: 'sort by a column, or by a path such as .metadata.creationTimestamp',
  },
} as const satisfies Options;

export const notReadyOption = {
  'not-ready': {
    summary: 'only objects that are not ready',
  },
} as const satisfies Options;

/** Option `--target`, which may be given more than once. */
export const targetsOption = (summary: string) =>
  ({
    target: {
      short: 't',
      value: 'NAME',
      repeatable: true,
      summary,
      names: 'target',
      complete: 'targets',
    },
  }) as const satisfies Options;

/** Options that select and sort the rows of a list. */
export const selectionOptions = {
  ...notReadyOption,
  ...targetsOption('only objects of this target; repeat for more'),
  selector: {
    short: 'l',
    value: 'LABELS',
    summary: 'only objects with these labels, as in kubectl: team=payments,env!=test',
  },
  ...sortOption,
} as const satisfies Options;

export const filenameOption = {
  filename: {
    short: 'f',
    value: 'FILE',
    summary: 'read the manifest from a file, or from stdin with -',
    complete: 'files',
  },
} as const satisfies Options;

/** Options of commands that apply any number of manifests. */
export const manifestsOptions = {
  filename: {
    ...filenameOption.filename,
    repeatable: true,
    summary:
      'read manifests from a file, from the .yaml, .yml and .json files of a folder, or from stdin with -; repeat for more',
  },
  recursive: { short: 'R', summary: 'with a folder: also read its subfolders' },
  'force-conflicts': {
    summary: 'take over the ownership of fields that another tool has set',
  },
} as const satisfies Options;

/** Argument that accepts the names of several objects. */
export const namesArgument = (noun: ObjectNoun, summary: string) =>
  ({
    name: {
      variadic: true,
      summary,
      names: noun,
      complete: `${noun}s`,
    },
  }) as const satisfies Positionals;

export const accountOption = {
  account: {
    value: 'NAME',
    summary: 'name of the account, instead of the argument',
    names: 'account',
    complete: 'accounts',
  },
} as const satisfies Options;

export const appOption = {
  app: {
    value: 'NAME',
    summary: 'name of the app, instead of the argument',
    names: 'app',
    complete: 'apps',
  },
} as const satisfies Options;

export const yesOption = {
  yes: {
    short: 'y',
    summary: 'do not ask for confirmation',
  },
} as const satisfies Options;

/** Accepts a name as an argument or an option, or as both if they are equal. @throws CliError of code USAGE */
export function givenName(
  noun: string,
  positional: string | undefined,
  option: string | undefined,
): string | undefined {
  if (positional !== undefined && option !== undefined && positional !== option)
    throw usageError(
      `two ${noun}s given: "${positional}" and --${noun} "${option}"`,
      `Pass one ${noun}, either as the argument or with --${noun} NAME.`,
    );
  return positional ?? option;
}

/** @throws CliError of code USAGE */
export function requiredName(
  noun: string,
  positional: string | undefined,
  option: string | undefined,
): string {
  const name = givenName(noun, positional, option);
  if (name === undefined) throw usageError(`no ${noun} given`, `List the ${noun}s: kon ${noun} list`);
  return name;
}

/** Accepts names as arguments, or one name as an option. @throws CliError of code USAGE */
export function requiredNames(
  noun: ObjectNoun,
  positionals: readonly string[],
  option?: string,
): readonly [string, ...string[]] {
  const [name, ...more] = positionals;
  const first = more.length > 0 && option === undefined ? name : givenName(noun, name, option);
  if (more.length > 0 && option !== undefined)
    throw usageError(`names are given both as arguments and with --${noun}`, 'Pass all names as arguments.');
  if (first === undefined) throw usageError(`no ${noun} given`, `List the ${noun}s: kon ${noun} list`);
  return [first, ...more];
}

/** Like `requiredNames`, but without any name the result is empty, which denotes all objects. */
export function namesOrAll(
  noun: ObjectNoun,
  positionals: readonly string[],
  option: string | undefined,
): readonly string[] {
  return positionals.length === 0 && option === undefined ? [] : requiredNames(noun, positionals, option);
}

/** @throws CliError of code USAGE when several names are given */
export function onlyName([name, ...more]: readonly [string, ...string[]]): string {
  if (more.length > 0)
    throw usageError('--watch can show only one object, but several names were given', 'Pass one name.');
  return name;
}

/** Returns a parser for whole numbers between two limits, both included. */
export const wholeNumber =
  (what: string, least: number, most: number) =>
  (text: string): number => {
    const number = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw usageError(`"${text}" is not ${what}`, `Pass a number from ${least} to ${most}.`);
  };
