/** Translates a rejection of a manifest by the API server into one line per problem, with the field's path. */
import type { KubeApiError } from '../../kube/errors.ts';
import { kinds } from '../cluster/kinds.ts';
import { crdSchema, unknownFieldProblem } from '../manifest/check.ts';
import { meantField } from '../manifest/schema.ts';

export function apiProblems(error: KubeApiError): readonly string[] {
  const strict = strictProblems(error.message);
  if (strict.length > 0) return strict;
  if (error.causes.length === 0) return [error.message];
  return error.causes.map((cause) =>
    [cause.field, cause.message].filter((part): part is string => Boolean(part)).join(': '),
  );
}

/**
 * Extracts unknown fields from the API server's message. For a create or update, the message lists all unknown fields:
 * `strict decoding error: unknown field "spec.a", unknown field "spec.b"`. For an apply, it names only the first:
 * `.spec.a: field not declared in schema`.
 */
function strictProblems(message: string): readonly string[] {
  const kind = kinds.find(({ resource }) => new RegExp(`\\b${resource.kind}\\b`).test(message));
  const unknown = [
    ...message.matchAll(/unknown field "([^"]+)"/g),
    ...message.matchAll(/ \.(\S+): field not declared in schema/g),
  ].map(([, path = '']) => {
    const parts = path
      .split(/\.|(?=\[)/)
      .map((part) => (/^\[\d+\]$/.test(part) ? Number(part.slice(1, -1)) : part));
    return unknownFieldProblem({
      path: parts,
      meant: kind && meantField(parts, crdSchema(kind.resource.kind)),
    }).text;
  });
  const duplicate = [...message.matchAll(/duplicate field "([^"]+)"/g)].map(
    ([, path = '']) => `${path}: is given twice`,
  );
  return [...unknown, ...duplicate];
}

/** Whether an apply was refused because of an unknown field. The API server reports this refusal with status 500. */
export function isUndeclaredField(error: KubeApiError): boolean {
  return error.message.includes('field not declared in schema');
}
