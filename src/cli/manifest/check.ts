/**
 * Checks a manifest before the API server does, for clearer messages. The API server checks the manifest again and
 * decides: the cluster may have newer CRDs with fields that are unknown here.
 */
import type { z } from 'zod';
import { appSpec } from '../../api/app.ts';
import { clusterConfigSpec } from '../../api/cluster-config.ts';
import { crds } from '../../api/crds.ts';
import { linkedServiceAccountSpec } from '../../api/linked-service-account.ts';
import { apiVersion } from '../../api/resources.ts';
import { didYouMean } from '../framework/closest.ts';
import { kinds, type Kind } from '../cluster/kinds.ts';
import { unknownMetadata, type Manifest } from './present.ts';
import { nameProblem } from './name.ts';
import {
  duplicates,
  formatPath,
  schemaOfCrd,
  unknownFields,
  type Path,
  type StructuralSchema,
  type UnknownField,
} from './schema.ts';

export type CheckedManifest =
  | { readonly kind: 'sound'; readonly manifest: Manifest; readonly of: Kind }
  | { readonly kind: 'unsound'; readonly problems: readonly ManifestProblem[] };

/** Problem with one field, or with the whole document. */
export type ManifestProblem = {
  readonly path: Path;
  /** Text of the problem. The text begins with the field's path, unless the problem concerns the whole document. */
  readonly text: string;
};

const specSchemas: Readonly<Record<string, z.ZodType>> = {
  LinkedServiceAccount: linkedServiceAccountSpec,
  App: appSpec,
  ClusterConfig: clusterConfigSpec,
};

/** @param expected kind and name that the manifest has to have, if the command determines them */
export function checkManifest(
  value: unknown,
  expected: { readonly kind?: Kind; readonly name?: string } = {},
): CheckedManifest {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return unsound([{ path: [], text: 'not a manifest: expected apiVersion, kind, metadata and spec' }]);
  const manifest = value as Partial<Record<keyof Manifest, unknown>>;
  const kindNames = kinds.map((kind) => kind.resource.kind);
  const of = kinds.find((kind) => kind.resource.kind === manifest.kind);
  if (expected.kind && of !== expected.kind)
    return unsound([at(['kind'], `expected ${expected.kind.resource.kind}, got ${show(manifest.kind)}`)]);
  if (!of)
    return unsound([at(['kind'], `expected one of ${kindNames.join(', ')}, got ${show(manifest.kind)}`)]);
  const problems: ManifestProblem[] = [];
  if (manifest.apiVersion !== apiVersion)
    problems.push(at(['apiVersion'], `expected ${apiVersion}, got ${show(manifest.apiVersion)}`));
  problems.push(...metadataProblems(manifest.metadata, of, expected.name));
  problems.push(...specProblems(manifest.spec, of.resource.kind));
  const schema = crdSchema(of.resource.kind);
  for (const twice of duplicates(value, schema))
    problems.push(at(twice.path, `${show(twice.value)} is already listed at ${twice.first}`));
  if (problems.length === 0) return { kind: 'sound', manifest: value as Manifest, of };
  // Reports unknown fields only together with other problems, because an unknown field often explains another problem.
  // Otherwise, the API server decides about unknown fields.
  for (const unknown of unknownFields(value, schema)) problems.push(unknownFieldProblem(unknown));
  return unsound(problems);
}

export function crdSchema(kindName: string): StructuralSchema {
  const crd = crds().find((each) => (each.spec['names'] as { kind: string }).kind === kindName);
  if (!crd) throw new Error(`there is no CRD of the kind ${kindName}`);
  return schemaOfCrd(crd);
}

export function unknownFieldProblem({ path, meant }: UnknownField): ManifestProblem {
  return at(path, `unknown field${didYouMean(meant)}`);
}

const at = (path: Path, problem: string): ManifestProblem => ({
  path,
  text: `${formatPath(path)}: ${problem}`,
});

function metadataProblems(
  metadata: unknown,
  kind: Kind,
  expectedName: string | undefined,
): readonly ManifestProblem[] {
  if (typeof metadata !== 'object' || metadata === null) return [at(['metadata'], 'name is missing')];
  const { name } = metadata as { name?: unknown };
  if (typeof name !== 'string' || name === '') return [at(['metadata', 'name'], 'is missing')];
  if (expectedName !== undefined && name !== expectedName)
    return [at(['metadata', 'name'], `expected ${show(expectedName)}, got ${show(name)}`)];
  const problem = nameProblem(kind, name);
  return [
    ...(problem ? [at(['metadata', 'name'], problem)] : []),
    ...unknownMetadata(metadata).map((key) => at(['metadata', key], 'unknown field')),
  ];
}

function specProblems(spec: unknown, kindName: string): readonly ManifestProblem[] {
  if (spec === undefined || spec === null) return [at(['spec'], 'is missing')];
  const outcome = specSchemas[kindName]?.safeParse(spec);
  if (!outcome || outcome.success) return [];
  return outcome.error.issues.map((issue) => {
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    return at(['spec', ...path], issueText(issue, valueAt(spec, path)));
  });
}

function issueText(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_type' && value === undefined) return 'is missing';
  if (issue.code === 'invalid_type') {
    const wanted = issue.expected === 'array' ? 'a list' : `of type ${issue.expected}`;
    return value === null
      ? `is empty, expected ${wanted}${issue.expected === 'array' ? ' ([] for none)' : ''}`
      : `expected ${wanted}, got ${show(value)}`;
  }
  if (issue.code === 'invalid_value')
    return `expected one of ${issue.values.map(String).join(', ')}, got ${show(value)}`;
  if (issue.code === 'invalid_format') {
    const field = issue.path.findLast((part) => typeof part === 'string');
    if (field === 'policyNames')
      return `${show(value)} is not the name of an IAM managed policy, for example aws/AmazonS3ReadOnlyAccess or account/team/payments`;
    if (typeof field === 'string' && /Arns?$/.test(field))
      return `${show(value)} is not the ARN of an IAM managed policy, for example arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess`;
    return `${show(value)} does not match ${'pattern' in issue ? issue.pattern : issue.format}`;
  }
  return issue.message;
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (at, part) =>
      typeof at === 'object' && at !== null ? (at as Record<string | number, unknown>)[part] : undefined,
    value,
  );
}

const show = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

const unsound = (problems: readonly ManifestProblem[]): CheckedManifest => ({ kind: 'unsound', problems });
