/**
 * Compares the options of `kon install` with an existing ClusterConfig. The ClusterConfig belongs to the user, who may manage it
 * with GitOps, so an installation does not change it. Options that differ are refused, and the error names the command that
 * changes the ClusterConfig. Pure.
 */
import type { ClusterConfig } from '../../../api/cluster-config.ts';
import { CliError } from '../../framework/errors.ts';

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
  const targets = asked.targets.filter((target) => !spec.targets.includes(target));
  const details = targets.map((target) => `--target ${target}: the ClusterConfig does not list this target`);
  const patch: Record<string, unknown> = {};
  const compare = (option: string, field: string, wanted: Value, has: Value, differs: boolean): void => {
    if (!differs) return;
    const words = wanted === true ? option : `${option} ${shown(wanted)}`;
    details.push(`${words}: its spec.aws.${field} is ${shown(has)}`);
    patch[field] = wanted;
  };
  const { boundary, allowedPolicies, tagKeys } = asked;
  const isOther = (wanted: readonly string[], has: readonly string[] = []): boolean =>
    wanted.length > 0 && !isSameSet(wanted, has);
  compare(
    '--boundary',
    'permissionsBoundaryArn',
    boundary,
    permissionsBoundaryArn,
    boundary !== undefined && boundary !== permissionsBoundaryArn,
  );
  compare(
    '--allow-policy',
    'allowedPolicyArns',
    allowedPolicies,
    allowedPolicyArns,
    isOther(allowedPolicies, allowedPolicyArns),
  );
  compare('--tag-key', 'allowedTagKeys', tagKeys, allowedTagKeys, isOther(tagKeys, allowedTagKeys));
  compare(
    '--allow-statements',
    'allowStatements',
    asked.allowStatements,
    allowStatements,
    asked.allowStatements && !allowStatements,
  );
  if (details.length === 0) return;
  throw new CliError('CONFLICT', `the existing ClusterConfig ${name} differs`, {
    details: [...details, 'kon install does not change an existing ClusterConfig.'],
    next: [
      ...targets.map((target) => `Add the target: kon target create ${target}`),
      ...(Object.keys(patch).length > 0
        ? [
            `Change the ClusterConfig: kubectl patch clusterconfig ${name} --type merge -p ${quoted({ spec: { aws: patch } })}`,
          ]
        : []),
      'Or omit the options.',
      "Then run kon install again: it renews the operator's IAM policy.",
    ],
  });
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.every((each) => other.includes(each)) && other.every((each) => one.includes(each));
}

function shown(value: Value): string {
  if (value === undefined) return 'not set';
  return typeof value === 'object' ? value.join(', ') || 'empty' : `${value}`;
}

/** Quotes JSON for a POSIX shell. */
function quoted(value: object): string {
  return `'${JSON.stringify(value).replaceAll("'", `'\\''`)}'`;
}
