/** Parsers of option values. This module is small and separate, because every start of `kon` loads it. Pure. */
import type { Dependency } from '../../../api/app.ts';
import { usageError } from '../../framework/errors.ts';

export type NamedPort = { readonly name: string; readonly port: number };
export type EnvSetting = { readonly name: string; readonly value: string };
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
