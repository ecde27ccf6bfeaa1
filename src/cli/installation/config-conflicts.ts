/**
 * Compares the options of `kon install` with an existing ClusterConfig. The ClusterConfig belongs to the user, who may manage it
 * with GitOps, so an installation does not change it. Options that differ are refused, and the error names the command that
 * changes the ClusterConfig. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ClusterConfig } from '../../api/cluster-config.ts';
import { CliError } from '../framework/errors.ts';

export type AskedConfig = {
  readonly targets: readonly string[];
  readonly boundary: string | undefined;
  readonly allowedPolicies: readonly string[];
  readonly tagKeys: readonly string[];
  readonly allowStatements: boolean;
};

type Value = boolean | string | readonly string[] | undefined;

/** @throws CliError of code CONFLICT if an option differs from the ClusterConfig */
export function requireAsConfigured(
  { metadata: { name }, spec }: Pick<ClusterConfig, 'metadata' | 'spec'>,
  asked: AskedConfig,
): void {
  const { permissionsBoundaryArn, allowedPolicyArns, allowedTagKeys, allowStatements = false } = spec.aws;
  const settings: readonly (readonly [option: string, field: string, wanted: Value, has: Value])[] = [
    ['--boundary', 'permissionsBoundaryArn', asked.boundary, permissionsBoundaryArn],
    ['--allow-policy', 'allowedPolicyArns', asked.allowedPolicies, allowedPolicyArns],
    ['--tag-key', 'allowedTagKeys', asked.tagKeys, allowedTagKeys],
    ['--allow-statements', 'allowStatements', asked.allowStatements, allowStatements],
  ];
  const differing = settings.filter(([, , wanted, has]) => isOther(wanted, has));
  const targets = asked.targets.filter((target) => !spec.targets.includes(target));
  if (targets.length + differing.length === 0) return;
  const patch = Object.fromEntries(differing.map(([, field, wanted]) => [field, wanted]));
  throw new CliError('CONFLICT', `the existing ClusterConfig ${name} differs`, {
    details: [
      ...targets.map((target) => `--target ${target}: the ClusterConfig does not list this target`),
      ...differing.map(
        ([option, field, wanted, has]) =>
          `${option}${wanted === true ? '' : ` ${shown(wanted)}`}: spec.aws.${field} of the ClusterConfig is ${shown(has)}`,
      ),
      'kon install does not change an existing ClusterConfig.',
    ],
    next: [
      ...targets.map((target) => `Add the target: kon target create ${target}`),
      ...(differing.length > 0
        ? [
            `Change the ClusterConfig: kubectl patch clusterconfig ${name} --type merge -p ${quoted({ spec: { aws: patch } })}`,
          ]
        : []),
      'Or omit the options.',
      "Then run kon install again, which updates the operator's IAM policy.",
    ],
  });
}

/** Whether an option was given and differs from the ClusterConfig. The order of a list does not matter. */
function isOther(wanted: Value, has: Value): boolean {
  if (typeof wanted !== 'object') return wanted !== undefined && wanted !== false && wanted !== has;
  const present = typeof has === 'object' ? has : [];
  return wanted.length > 0 && !isDeepStrictEqual(new Set(wanted), new Set(present));
}

function shown(value: Value): string {
  if (value === undefined) return 'not set';
  return typeof value === 'object' ? value.join(', ') || 'empty' : `${value}`;
}

/** Quotes JSON for a POSIX shell. */
function quoted(value: object): string {
  return `'${JSON.stringify(value).replaceAll("'", `'\\''`)}'`;
}
