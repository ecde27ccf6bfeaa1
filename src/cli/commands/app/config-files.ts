/**
 * Reads the files and folders that `--config` names, either as files with unchanged content, or as variables in the
 * format of `kubectl create configmap --from-env-file`.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { CliError } from '../../framework/errors.ts';
import type { ConfigContent } from './from-options.ts';
import type { ConfigOption } from './options.ts';
import { errorMessage } from '../../../k8s/errors.ts';

/**
 * Returns functions that read the file or folder at the path. They are called later, when the app's spec shows whether
 * the config is mounted as files or set as variables.
 */
export function configContent({ name, path, mountPath }: ConfigOption, cwd: string): ConfigContent {
  return {
    name,
    mountPath,
    files: () => readFiles(resolve(cwd, path), path),
    variables: () => readVariables(resolve(cwd, path), path),
  };
}

/** Returns the given options, with the paths of their configs replaced by readers of the content. */
export function withContent<T extends { readonly config: readonly ConfigOption[] }>(
  options: T,
  cwd: string,
): Omit<T, 'config'> & { readonly config: readonly ConfigContent[] } {
  return { ...options, config: options.config.map((config) => configContent(config, cwd)) };
}

/** Reads one file, or the files of a folder without its subfolders. @throws CliError of code INVALID */
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

/** Reads lines of NAME=VALUE. Skips empty lines and lines that begin with #. @throws CliError of code INVALID */
function readVariables(path: string, given: string): Readonly<Record<string, string>> {
  if (isFolder(path, given))
    throw new CliError('INVALID', `${given} is a folder, but variables come from a file`, {
      next: [`To mount the files of the folder into pods, add a mount path: ${given}:/etc/myapp`],
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
            `To mount the file itself into pods, add a mount path: ${given}:/etc/myapp`,
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
        next: ['Put the file into the image, or into your own ConfigMap or Secret.'],
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
