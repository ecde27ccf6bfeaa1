/** Reads manifests from files and from stdin. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { CliContext } from '../framework/context.ts';
import { CliError, usageError } from '../framework/errors.ts';
import type { Kind } from '../cluster/kinds.ts';
import { checkManifest, type ManifestProblem } from './check.ts';
import type { Manifest } from './present.ts';
import { parseText, type LineOf, type ParsedText } from './parse.ts';
import { defined } from '../../k8s/defined.ts';
import { errorMessage } from '../../k8s/errors.ts';

type Source = Pick<Extract<ParsedText, { kind: 'parsed' }>, 'documents' | 'lines'> & {
  /** Name of the file as given, or `stdin`. */
  readonly origin: string;
};

/** Files that `kon apply` reads in a folder, as kubectl does. */
const manifestFile = /\.(ya?ml|json)$/;

/**
 * Returns the files that a value of `-f` denotes: the file itself, or the manifests in the folder, sorted by name.
 * @throws CliError of code USAGE for a URL, MANIFEST_UNREADABLE for a folder without manifests
 */
export async function filesOf(cwd: string, filename: string, recursive: boolean): Promise<readonly string[]> {
  if (/^https?:\/\//i.test(filename))
    throw usageError(
      `-f does not accept the URL ${filename}`,
      'What a URL serves may change between review and apply. Download it first: curl -fsSLO URL',
    );
  const info = filename === '-' ? undefined : await stat(resolve(cwd, filename)).catch(() => undefined);
  // A file that does not exist is reported when it is read.
  if (!info?.isDirectory()) return [filename];
  const entries = await readdir(resolve(cwd, filename), { withFileTypes: true, recursive });
  const files = entries
    .filter((entry) => !entry.isDirectory() && manifestFile.test(entry.name))
    .map((entry) => join(filename, relative(resolve(cwd, filename), join(entry.parentPath, entry.name))))
    .toSorted();
  if (files.length > 0) return files;
  throw new CliError('MANIFEST_UNREADABLE', `folder "${filename}" contains no .yaml, .yml or .json file`, {
    next: recursive ? [] : ['To also read the subfolders: -R'],
  });
}

/** @throws CliError of code MANIFEST_UNREADABLE */
export async function readSource(context: CliContext, filename: string): Promise<Source> {
  const origin = filename === '-' ? 'stdin' : filename;
  let text: string;
  try {
    text =
      filename === '-'
        ? await context.stdin.readAll()
        : await readFile(resolve(context.cwd, filename), 'utf8');
  } catch (error) {
    throw new CliError('MANIFEST_UNREADABLE', `cannot read ${origin}`, {
      details: [errorMessage(error)],
      cause: error,
    });
  }
  const parsed = parseText(text);
  if (parsed.kind === 'faulty')
    throw new CliError('MANIFEST_UNREADABLE', `${origin} is not YAML`, {
      details: parsed.problems.map((problem) =>
        problem.replace(/^line (\d+), column (\d+): /, `${origin}:$1:$2: `),
      ),
    });
  if (parsed.documents.length === 0)
    throw new CliError('MANIFEST_UNREADABLE', `${origin} contains no manifest`);
  return { ...parsed, origin };
}

/** Formats a problem as `FILE:LINE: PROBLEM`, so that editors and terminals can open the line. */
export function locatedProblem(origin: string, lineOf: LineOf, { path, text }: ManifestProblem): string {
  return `${origin}:${lineOf(path)}: ${text}`;
}

/**
 * Reads the manifest of the option `-f`, and returns the name from the manifest or from the command line.
 * @param described what the options that exclude `-f` describe; undefined if no such option is given
 * @throws CliError of code USAGE, MANIFEST_UNREADABLE or INVALID
 */
export async function givenManifest(
  context: CliContext,
  {
    kind,
    name,
    filename,
  }: { readonly kind: Kind; readonly name: string | undefined; readonly filename: string | undefined },
  described: 'the object' | 'a change' | undefined,
  advice: string,
): Promise<{ readonly given: Manifest | undefined; readonly name: string }> {
  if (filename !== undefined && described !== undefined)
    throw usageError(
      `-f cannot be combined with options that describe ${described}`,
      'Use either the file or the options.',
    );
  const given = filename === undefined ? undefined : await readManifest(context, filename, { kind, name });
  const chosen = given?.metadata.name ?? name;
  if (chosen === undefined) throw usageError(`no ${kind.noun} given`, advice);
  return { given, name: chosen };
}

/**
 * Reads a file with exactly one manifest, which must have the kind and name that the command expects.
 * @throws CliError of code MANIFEST_UNREADABLE or INVALID
 */
export async function readManifest(
  context: CliContext,
  filename: string,
  expected: { readonly kind: Kind; readonly name: string | undefined },
): Promise<Manifest> {
  const { origin, documents, lines } = await readSource(context, filename);
  if (documents.length > 1)
    throw new CliError('INVALID', `${origin} contains ${documents.length} documents, expected one`, {
      next: [`To apply all documents: kon apply -f ${filename}`],
    });
  return soundManifest(documents[0], origin, defined(expected), lines[0]);
}

/** @throws CliError of code INVALID */
export function soundManifest(
  value: unknown,
  origin: string,
  expected: { readonly kind?: Kind; readonly name?: string } = {},
  lineOf?: LineOf,
): Manifest {
  const checked = checkManifest(value, expected);
  if (checked.kind === 'sound') return checked.manifest;
  throw new CliError('INVALID', `${origin} is invalid`, {
    details: checked.problems.map((problem) =>
      lineOf ? locatedProblem(origin, lineOf, problem) : problem.text,
    ),
  });
}
