/** Reads what `--config` names: files as they are, and variables as `kubectl create configmap --from-env-file` reads them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { CliError } from '../../framework/errors.ts';
import type { ConfigContent, ConfigOption } from './from-options.ts';
import { errorMessage } from '../../../k8s/errors.ts';

/** Nothing is read before it is known which of the two is meant. */
export function configContent(option: ConfigOption, cwd: string): ConfigContent {
  const { name, path, mountPath } = option;
  return {
    name,
    mountPath,
    files: () => readFiles(resolve(cwd, path), path),
    variables: () => readVariables(resolve(cwd, path), path),
  };
}

/** The options as they were given, with what their configs name. */
export function withContent<T extends { readonly config: readonly ConfigOption[] }>(
  options: T,
  cwd: string,
): Omit<T, 'config'> & { readonly config: readonly ConfigContent[] } {
  return { ...options, config: options.config.map((config) => configContent(config, cwd)) };
}

/** A file, or those of a folder, without the folders in it. @throws CliError of code INVALID */
function readFiles(path: string, given: string): Readonly<Record<string, string>> {
  const names = isFolder(path, given)
    ? readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isFile() || entry.isSymbolicLink())
        .map((entry) => entry.name)
        .filter((name) => !isFolder(join(path, name), join(given, name)))
        .sort()
    : undefined;
  if (names === undefined) return { [basename(path)]: readText(path, given) };
  if (names.length === 0) throw new CliError('INVALID', `no files in ${given}`);
  return Object.fromEntries(names.map((name) => [name, readText(join(path, name), join(given, name))]));
}

/** Lines of NAME=VALUE; empty ones and those that begin with # do not count. @throws CliError of code INVALID */
function readVariables(path: string, given: string): Readonly<Record<string, string>> {
  if (isFolder(path, given))
    throw new CliError('INVALID', `${given} is a folder, but variables come from a file`, {
      next: [`To mount its files into pods, add a folder: ${given}:/etc/myapp`],
    });
  const lines = readText(path, given).split(/\r?\n/);
  return Object.fromEntries(
    lines.flatMap((line, index) => {
      const text = line.trimStart();
      if (text === '' || text.startsWith('#')) return [];
      const at = text.indexOf('=');
      if (at < 1)
        throw new CliError('INVALID', `${given}, line ${index + 1}: expected NAME=VALUE`, {
          details: [text],
          next: [
            'Write NAME=VALUE.',
            `To mount the file itself into pods, add a folder: ${given}:/etc/myapp`,
          ],
        });
      return [[text.slice(0, at), text.slice(at + 1)]];
    }),
  );
}

function isFolder(path: string, given: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw unreadable(given, error);
  }
}

function readText(path: string, given: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch (error) {
    if (error instanceof TypeError)
      throw new CliError('INVALID', `${given} is not UTF-8 text, and an app can hold only text`, {
        next: ['Put it into the image, or into your own ConfigMap or Secret.'],
        cause: error,
      });
    throw unreadable(given, error);
  }
}

function unreadable(given: string, cause: unknown): CliError {
  return new CliError('MANIFEST_UNREADABLE', `cannot read ${given}`, {
    details: [errorMessage(cause)],
    cause,
  });
}
