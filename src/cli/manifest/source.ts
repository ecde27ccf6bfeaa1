/** Reads manifests from files and from stdin. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CliContext } from '../framework/context.ts';
import { CliError } from '../framework/errors.ts';
import type { Kind } from '../cluster/kinds.ts';
import { checkManifest } from './check.ts';
import type { Manifest } from './manifest.ts';
import { parseText } from './parse.ts';
import { errorMessage } from '../../k8s/errors.ts';

export type Source = {
  /** Name of the file as given, or `stdin`. */
  readonly origin: string;
  readonly documents: readonly unknown[];
};

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
    throw new CliError('MANIFEST_UNREADABLE', `${origin} is not YAML`, { details: parsed.problems });
  if (parsed.documents.length === 0)
    throw new CliError('MANIFEST_UNREADABLE', `${origin} contains no manifest`);
  return { origin, documents: parsed.documents };
}

/**
 * Reads the single manifest of a file, with the kind and name of the command.
 * @throws CliError of code MANIFEST_UNREADABLE or INVALID
 */
export async function readManifest(
  context: CliContext,
  filename: string,
  expected: { readonly kind: Kind; readonly name: string | undefined },
): Promise<Manifest> {
  const { origin, documents } = await readSource(context, filename);
  if (documents.length > 1)
    throw new CliError('INVALID', `${origin} contains ${documents.length} documents, expected one`, {
      next: [`To apply them all: kon apply -f ${filename}`],
    });
  return soundManifest(documents[0], origin, {
    kind: expected.kind,
    ...(expected.name === undefined ? {} : { name: expected.name }),
  });
}

/** @throws CliError of code INVALID */
export function soundManifest(
  value: unknown,
  origin: string,
  expected: { readonly kind?: Kind; readonly name?: string } = {},
): Manifest {
  const checked = checkManifest(value, expected);
  if (checked.kind === 'sound') return checked.manifest;
  throw new CliError('INVALID', `${origin} is invalid`, { details: checked.problems });
}
