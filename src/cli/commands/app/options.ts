/** Options that several commands of `kon app` share, and the parsers of their values. Pure. */
import type { Dependency } from '../../../api/app.ts';
import type { Options, OptionValues } from '../../framework/command.ts';
import { usageError } from '../../framework/errors.ts';
import { targetsOption, wholeNumber } from '../../framework/options.ts';

/** Selects targets, for commands about running apps. */
export const appTargetsOption = targetsOption(
  'select only this target (default: all targets of the app); repeat for more',
);

/** Selects one target, for commands that connect to one pod. */
export const targetOption = {
  target: {
    ...targetsOption('target (optional if the app has only one target)').target,
    repeatable: false,
  },
} as const satisfies Options;

export const podOption = {
  pod: {
    value: 'NAME',
    summary: 'pod to use (default: the newest ready pod)',
  },
} as const satisfies Options;

export const containerOption = {
  container: {
    short: 'c',
    value: 'NAME',
    summary: 'container of the pods (default: the app’s own container)',
  },
} as const satisfies Options;

/**
 * Options of `create` and `edit` that set fields of an app's spec.
 * @param summaries help texts of the options that have a different meaning in `create` and `edit`
 */
export const specOptions = (summaries: {
  readonly port: string;
  readonly env: string;
  readonly target: string;
}) =>
  ({
    image: {
      value: 'IMAGE',
      summary: 'container image, optionally with a tag after a colon; kon checks only the syntax',
    },
    tag: { value: 'TAG', summary: 'tag of the image' },
    account: {
      value: 'NAME',
      summary: 'account whose AWS permissions the pods hold',
      names: 'account',
      complete: 'accounts',
    },
    port: { value: 'PORT', repeatable: true, parse: parsePort, summary: summaries.port },
    env: { value: 'NAME=VALUE', repeatable: true, parse: parseEnv, summary: summaries.env },
    config: {
      value: 'NAME=PATH[:FOLDER]',
      repeatable: true,
      parse: parseConfig,
      summary:
        'with FOLDER: a file, or a local folder of files, to mount into pods at FOLDER; without FOLDER: a file whose lines NAME=VALUE become environment variables; repeat for more',
      complete: 'files',
    },
    'depends-on': {
      value: '[TARGET/]APP[:PORT]',
      repeatable: true,
      parse: parseDependency,
      summary: 'another app that the app depends on, whose address becomes a variable; repeat for more',
      complete: 'apps',
    },
    ...targetsOption(summaries.target),
    replicas: {
      value: 'N',
      parse: wholeNumber('a number of replicas', 0, 99_999),
      summary: 'number of pods in each target',
    },
  }) as const satisfies Options;

/** Values of `specOptions`. */
export type SpecOptions = OptionValues<ReturnType<typeof specOptions>>;

/** Options that remove parts of an existing app. */
export const removalOptions = {
  'no-account': { summary: 'remove the account, so that pods hold no AWS permissions' },
  'remove-env': {
    value: 'NAME',
    repeatable: true,
    summary: 'remove a variable from the common environment; repeat for more',
  },
  'remove-config': { value: 'NAME', repeatable: true, summary: 'remove a config; repeat for more' },
  'remove-dependency': {
    value: 'APP',
    repeatable: true,
    summary: 'remove a dependency; repeat for more',
    names: 'app',
    complete: 'apps',
  },
} as const satisfies Options;

/** Values of `removalOptions`. */
export type RemovalOptions = OptionValues<typeof removalOptions>;

type NamedPort = { readonly name: string; readonly port: number };
type EnvSetting = { readonly name: string; readonly value: string };
/**
 * Parsed `--config`. Without `mountPath`, an existing config keeps its mount path, and a new config sets environment
 * variables.
 */
export type ConfigOption = {
  readonly name: string;
  readonly path: string;
  readonly mountPath: string | undefined;
};

/** Parses `8080` or `http:8080`. @throws CliError of code USAGE */
export function parsePort(text: string): NamedPort {
  const match = /^(?:([a-z0-9](?:[-a-z0-9]*[a-z0-9])?):)?([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port < 1 || port > 65535)
    throw usageError(
      `"${text}" is not a port`,
      'Pass a number from 1 to 65535. If the app has several ports, add a name: http:8080',
    );
  return { name: match[1] ?? 'http', port };
}

/** Parses `NAME=VALUE`. @throws CliError of code USAGE */
export function parseEnv(text: string): EnvSetting {
  const at = text.indexOf('=');
  if (at < 1) throw usageError(`"${text}" is not NAME=VALUE`, 'Give NAME=VALUE.');
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}

/** Parses `NAME=PATH` or `NAME=PATH:/FOLDER`. @throws CliError of code USAGE */
export function parseConfig(text: string): ConfigOption {
  const match = /^([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)=(.+?)(?::(\/[^:]+))?$/.exec(text);
  const [, name, path, mountPath] = match ?? [];
  if (name === undefined || path === undefined)
    throw usageError(
      `"${text}" is not a config`,
      'Pass NAME=PATH:/FOLDER to mount files in a folder, or NAME=FILE for variables.',
    );
  return { name, path, mountPath };
}

/** Parses `APP`, `APP:PORT`, `TARGET/APP` or `TARGET/APP:PORT`. @throws CliError of code USAGE */
export function parseDependency(text: string): Dependency {
  const match = /^(?:([-a-z0-9]+)\/)?([-a-z0-9]+)(?::([-a-z0-9]+))?$/.exec(text);
  const [, target, name, port] = match ?? [];
  if (name === undefined)
    throw usageError(
      `"${text}" is not a dependency`,
      'Pass APP, APP:PORT, or TARGET/APP for an app in another target.',
    );
  return { name, ...(target === undefined ? {} : { target }), ...(port === undefined ? {} : { port }) };
}
