/** Name of the operator's image for the installation and the chart, and the grammar of accepted image names. */
import { usageError } from '../framework/errors.ts';
import { version } from '../version.ts';

/** Image name without a tag. A test checks that the chart uses the same name. */
export const imageRepository = 'ghcr.io/k11n/konstellation';
export const operatorImage = `${imageRepository}:${version}`;

/**
 * Grammar of image references in the project `distribution`: a host (only before the first slash), a lower-case path, a
 * tag, and a SHA-256 digest. https://github.com/distribution/reference/blob/main/regexp.go
 */
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const host = `(?:${label}(?:\\.${label})*|\\[[0-9A-Fa-f:]+\\])(?::[0-9]+)?`;
const part = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*';
const reference = new RegExp(
  `^(?:${host}/)?${part}(?:/${part})*(?<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?<digest>@sha256:[0-9a-f]{64})?$`,
);

/** @throws CliError of code USAGE */
export function parseImage(text: string): string {
  const groups = text.length <= 512 ? reference.exec(text)?.groups : undefined;
  if (!groups)
    throw usageError(
      `"${text}" is not an image name`,
      `Pass NAME:TAG, or NAME@sha256:DIGEST with 64 hexadecimal digits.`,
    );
  // A reference without a tag or digest means `:latest`, so every push of a new `:latest` image could change the
  // operator.
  if (groups['tag'] === undefined && groups['digest'] === undefined)
    throw usageError(`"${text}" has no tag or digest`, `Pass ${text}:TAG, or ${text}@sha256:DIGEST.`);
  return text;
}
