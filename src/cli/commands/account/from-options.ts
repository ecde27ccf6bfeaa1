/** Builds the spec of an account from the options of `kon account create` and `edit`. Pure. */
import { apiVersion } from '../../../api/resources.ts';
import type { LinkedServiceAccountSpec } from '../../../api/linked-service-account.ts';
import { policyEntries } from '../../../identity/desired/policy-entries.ts';
import { policiesByName, policyLists, type PolicyScope } from '../../../identity/desired/policy-names.ts';
import { defined } from '../../../k8s/defined.ts';
import { usageError } from '../../framework/errors.ts';
import type { SpecOptions } from './options.ts';
import type { Manifest } from '../../manifest/present.ts';

export type AccountOptions = SpecOptions & {
  readonly policy: readonly string[];
  readonly target: readonly string[];
};

export type AccountChange = AccountOptions & {
  readonly addPolicy: readonly string[];
  readonly removePolicy: readonly string[];
  readonly removeTarget: readonly string[];
  readonly allTargets: boolean;
  readonly noBoundary: boolean;
};

export function describesAccount(options: AccountOptions): boolean {
  const { policy, target, allow, on, until, description, boundary, identityMode, deletionPolicy } = options;
  return (
    policy.length + target.length + allow.length + on.length > 0 ||
    [until, description, boundary, identityMode, deletionPolicy].some((value) => value !== undefined)
  );
}

export function describesChange(options: AccountChange): boolean {
  const { addPolicy, removePolicy, removeTarget, allTargets, noBoundary } = options;
  const lists = [addPolicy, removePolicy, removeTarget];
  return describesAccount(options) || lists.some(({ length }) => length > 0) || allTargets || noBoundary;
}

export function accountManifest(name: string, options: AccountOptions): Manifest {
  const spec: LinkedServiceAccountSpec = {
    aws: policyLists(options.policy),
    deletionPolicy: 'Delete',
  };
  return {
    apiVersion,
    kind: 'LinkedServiceAccount',
    metadata: { name },
    spec: withCommon(spec, options),
  };
}

/** @throws CliError of code USAGE when the options contradict each other or the existing spec */
export function changedSpec(
  current: LinkedServiceAccountSpec,
  options: AccountChange,
): LinkedServiceAccountSpec {
  const { addPolicy, removePolicy, removeTarget } = options;
  if (options.policy.length > 0 && addPolicy.length + removePolicy.length > 0)
    throw usageError(
      '--policy sets the whole list and cannot be combined with --add-policy or --remove-policy',
      'Give either.',
    );
  if (options.target.length > 0 && options.allTargets)
    throw usageError('--target and --all-targets cannot be combined', 'Give either.');
  if (removeTarget.length > 0 && (options.target.length > 0 || options.allTargets))
    throw usageError(
      `--remove-target and ${options.allTargets ? '--all-targets' : '--target'} cannot be combined`,
      'Give either.',
    );
  if (removeTarget.length > 0 && current.targets === undefined)
    throw usageError(
      'the account lists no targets, because it applies to every target of the cluster',
      'Pass each target that the account is to keep: --target NAME',
    );
  const unlisted = removeTarget.filter((name) => !current.targets?.includes(name));
  if (unlisted.length > 0)
    throw usageError(
      `the account does not list these targets: ${unlisted.join(', ')}`,
      'Show the account: kon account show NAME',
    );
  if (options.boundary !== undefined && options.noBoundary)
    throw usageError('--boundary and --no-boundary cannot be combined', 'Give either.');
  if (options.noBoundary && current.aws.permissionsBoundaryArn === undefined)
    throw usageError(
      'the account has no boundary of its own',
      'A permissions boundary of the role comes from the ClusterConfig. Show the ClusterConfig: kubectl get clusterconfigs -o yaml',
    );
  const listed = policyEntries(current.aws);
  const absent = removePolicy.filter((entry) => !listed.includes(entry));
  if (absent.length > 0)
    throw usageError(
      `the account does not list these policies: ${absent.join(', ')}`,
      'Show the account: kon account show NAME',
    );
  const policies = policyLists(
    options.policy.length > 0
      ? options.policy
      : // Existing entries keep their position.
        [...new Set([...listed.filter((entry) => !removePolicy.includes(entry)), ...addPolicy])],
  );
  const { policyArns: _arns, policyNames: _names, ...others } = current.aws;
  const { permissionsBoundaryArn: _boundary, ...unbound } = others;
  const aws = options.noBoundary ? unbound : others;
  const changed = withCommon({ ...current, aws: { ...aws, ...policies } }, options);
  if (removeTarget.length > 0)
    return { ...changed, targets: changed.targets?.filter((name) => !removeTarget.includes(name)) ?? [] };
  if (!options.allTargets) return changed;
  const { targets: _targets, ...everywhere } = changed;
  return everywhere;
}

/**
 * Returns the account's statements with the statement from the options appended. Returns an empty object if the options
 * contain no statement, or if the account already has it.
 */
function statementsWith(
  { aws: { statements = [] } }: LinkedServiceAccountSpec,
  { allow, on, until }: SpecOptions,
): Pick<LinkedServiceAccountSpec['aws'], 'statements'> {
  if (allow.length === 0 && on.length === 0 && until === undefined) return {};
  if (allow.length === 0 || on.length === 0)
    throw usageError(
      allow.length === 0 ? '--on and --until need --allow' : '--allow needs --on',
      'Pass the action and the resource: --allow sqs:SendMessage --on arn:aws:sqs:eu-west-1:123456789012:orders',
    );
  const added = { actions: [...allow], resources: [...on], ...(until === undefined ? {} : { until }) };
  const isThere = statements.some((statement) => JSON.stringify(statement) === JSON.stringify(added));
  return isThere ? {} : { statements: [...statements, added] };
}

function withCommon(spec: LinkedServiceAccountSpec, options: AccountOptions): LinkedServiceAccountSpec {
  const { target, description, boundary, identityMode, deletionPolicy } = options;
  return {
    ...spec,
    ...(target.length > 0 ? { targets: [...target] } : {}),
    aws: {
      ...spec.aws,
      ...defined({ description, permissionsBoundaryArn: boundary, identityMode }),
      ...statementsWith(spec, options),
    },
    ...defined({ deletionPolicy }),
  };
}

/**
 * Returns the spec with each policy listed by name instead of ARN, if a name can denote the policy in this AWS account
 * and partition.
 */
export function withPolicyNames(
  spec: LinkedServiceAccountSpec,
  scope: PolicyScope,
): LinkedServiceAccountSpec {
  const { policyArns: _arns, policyNames: _names, ...aws } = spec.aws;
  return { ...spec, aws: { ...policiesByName(spec.aws, scope), ...aws } };
}

/** Describes the consequences of a changed identity mode. Printed before the spec is saved. */
export function switchNote(mode: string): string {
  const order = `‼ the targets switch to ${mode} one after the other, and each target's apps roll once\n`;
  return mode === 'IRSA'
    ? `${order}‼ when a target switches, its running pods keep their credentials, but cannot refresh them until the pods are replaced; to switch back: --identity-mode PodIdentity\n`
    : `${order}‼ the nodes need the EKS Pod Identity agent; to check the nodes: kon doctor\n`;
}
