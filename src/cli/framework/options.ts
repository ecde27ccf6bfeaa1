/** Options that several commands share, and how their values are understood together. */
import type { Option } from './command.ts';
import { parseDuration } from './duration.ts';
import { usageError } from './errors.ts';

export const waitOptions = [
  { name: 'no-wait', summary: 'return as soon as it is written, before it is true in AWS and the cluster' },
  {
    name: 'timeout',
    value: 'DURATION',
    summary: 'how long to wait',
    default: '2m',
    parse: parseDuration,
  },
] as const satisfies readonly Option[];

export const dryRunOption = {
  name: 'dry-run',
  summary: 'let the API server check it, show what would be, and change nothing',
} as const satisfies Option;

export const watchOption = {
  name: 'watch',
  short: 'w',
  summary: 'show it again after each change, until Ctrl-C; with -o json one object a line',
} as const satisfies Option;

/** As those of `kubectl get`. */
export const watchListOptions = [
  {
    name: 'watch',
    short: 'w',
    summary: 'after the list, go on with a row for each change, until Ctrl-C; with -o json one object a line',
  },
  {
    name: 'output-watch-events',
    summary: 'as --watch, and say of each what happened: ADDED, MODIFIED or DELETED',
  },
] as const satisfies readonly Option[];

export const filenameOption = {
  name: 'filename',
  short: 'f',
  value: 'FILE',
  summary: 'read the manifest from a file, or from stdin with -',
  complete: 'files',
} as const satisfies Option;

export const accountOption = {
  name: 'account',
  value: 'NAME',
  summary: 'the account, in place of the positional name',
  complete: 'accounts',
} as const satisfies Option;

export const appOption = {
  name: 'app',
  value: 'NAME',
  summary: 'the app, in place of the positional name',
  complete: 'apps',
} as const satisfies Option;

export const yesOption = {
  name: 'yes',
  short: 'y',
  summary: 'do not ask for confirmation',
} as const satisfies Option;

/** A name may be given in either way; in both only when they agree. @throws CliError of code USAGE */
export function givenName(
  noun: string,
  positional: string | undefined,
  option: string | undefined,
): string | undefined {
  if (positional !== undefined && option !== undefined && positional !== option)
    throw usageError(
      `two ${noun}s are named: "${positional}" and --${noun} "${option}"`,
      `Name one, as "kon ${noun} show NAME" or with --${noun} NAME.`,
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
  if (name === undefined)
    throw usageError(`which ${noun}? No name was given`, `See which there are: kon ${noun} list`);
  return name;
}

/** A parser of whole numbers within limits, both included. */
export const wholeNumber =
  (what: string, least: number, most: number) =>
  (text: string): number => {
    const number = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw usageError(`"${text}" is not ${what}`, `Give a number from ${least} to ${most}.`);
  };
