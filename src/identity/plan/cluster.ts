/**
 * Compares a ClusterConfig with the API server and AWS, and derives the ClusterConfig's conditions and the facts for the plans of
 * accounts.
 */
import {
  clusterConfigs,
  detachDisallowedAnnotation,
  isReservedNamespace,
  newerSpecMessage,
  reservedTargetMessage,
  stsAudience,
  type ClusterConfig,
  type ClusterConfigStatus,
} from '../../api/index.ts';
import { conditionDraft, findCondition, setConditions, type ConditionDraft } from '../../k8s/conditions.ts';
import { defined } from '../../k8s/defined.ts';
import { clusterArn, oidcProviderArn as providerArnOf } from '../desired/arn.ts';
import { identityErrors, type IdentityError } from '../state/errors.ts';
import type { AccountQuotas, CallerIdentity } from '../state/ports.ts';
import { providerCondition, reportedByAccounts } from './cluster-state.ts';
import { allowListKey } from './policies.ts';
import { problemOf } from './step-list.ts';
import type { Problem } from '../state/world.ts';
import { ignoredTagsNote } from '../desired/tags.ts';
import { formatTime, type Wall } from '../../k8s/time.ts';

/** Result of a query to AWS or the API server, or the query's error. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: IdentityError };

/** State of drift detection in this process for one kind of AWS resource. A pass compares all resources of the kind with AWS. */
export type DriftCheck = {
  readonly what: 'roles' | 'associations' | 'provider';
  /** End of the last successful pass, in milliseconds since the epoch. */
  readonly lastSuccess?: number;
  /** Number of passes that have failed since the last successful pass, with the last error. */
  readonly failure?: { readonly error: IdentityError; readonly passes: number };
};

export type ClusterWorld = {
  readonly now: Wall;
  readonly config: ClusterConfig;
  /** Namespace of the operator, if known. */
  readonly operatorNamespace?: string;
  /** Name of an older ClusterConfig, if one exists. */
  readonly older?: string;
  /** Issuer from the API server's discovery document. */
  readonly issuer: Answer<string>;
  readonly caller: Answer<CallerIdentity>;
  /** Result of reading the IAM OIDC provider; undefined if it was not read. */
  readonly provider?: Answer<{ clientIds: readonly string[] } | undefined>;
  readonly quotas?: Answer<AccountQuotas>;
  /** Number of attached policies that `allowedPolicyArns` no longer allows, and number of accounts that list such policies. */
  readonly disallowed?: { readonly policies: number; readonly accounts: number };
  readonly namespaces: readonly {
    readonly name: string;
    readonly labelled: boolean;
    readonly terminating: boolean;
  }[];
  /** One entry per kind of AWS resource; empty before the first pass. */
  readonly drift?: readonly DriftCheck[];
};

const whatNames: Readonly<Record<DriftCheck['what'], string>> = {
  roles: 'roles',
  associations: 'associations',
  provider: 'the IAM OIDC provider',
};

/** Number of consecutive failed passes until a transient failure of drift detection is reported. */
const reportedPasses = 3;
/**
 * Type of a condition. A ClusterConfig has it, with the status False, only while the operator is older than the CRDs.
 */
export const outdatedCondition = 'OperatorCurrent';

/** Smallest change in the number of roles that is written to the status, as a fraction of the role quota. */
const noticeableShare = 0.02;

export type ClusterPlan = {
  /** Namespaces to create or label. The operator changes only its own label on an existing namespace, and never deletes a namespace. */
  readonly applyNamespaces: readonly string[];
  readonly status: ClusterConfigStatus;
};

export function planCluster(world: ClusterWorld): ClusterPlan {
  const { config } = world;
  const newer = newerSpecMessage(clusterConfigs.kind, config.spec);
  if (newer !== undefined) return { applyNamespaces: [], status: newerConfigStatus(world, newer) };
  const { aws } = config.spec;
  const problem = problemIn(world);
  const caller = world.caller.ok ? world.caller.value : undefined;
  const issuer = world.issuer.ok ? world.issuer.value : undefined;
  const name = aws.clusterName ?? config.metadata.name;
  // During an AWS outage, the facts in the ClusterConfig's status are used.
  const isOutage =
    !world.caller.ok &&
    reportedByAccounts.has(world.caller.error.code) &&
    config.status?.observedGeneration === config.metadata.generation;
  const { accountId, partition, clusterArn: arn, oidcProviderArn } = config.status ?? {};
  const known = isOutage ? defined({ accountId, partition, clusterArn: arn, oidcProviderArn }) : {};
  const asTheyAre = new Map(world.namespaces.map((namespace) => [namespace.name, namespace]));
  const reserved = config.spec.targets.filter((target) =>
    isReservedNamespace(target, world.operatorNamespace),
  );
  const missing = config.spec.targets.filter((target) => {
    if (reserved.includes(target)) return false;
    const namespace = asTheyAre.get(target);
    return !namespace || (!namespace.labelled && !namespace.terminating);
  });
  const verdict: ConditionDraft = problem
    ? { type: 'Ready', status: 'False', ...problem }
    : conditionDraft(
        'Ready',
        'True',
        'Ready',
        `AWS account ${caller?.accountId}, issuer ${issuer}${ignoredTagsNote(aws.tags)}${reserved
          .map((target) => `; ${reservedTargetMessage(target)}`)
          .join('')}${disallowedNote(world)}`,
      );
  const drift = driftVerdict(world);
  const quotas = reportedQuotas(world);
  const provider = providerVerdict(world);
  const status: ClusterConfigStatus = {
    ...defined({ observedGeneration: config.metadata.generation }),
    ...known,
    ...(caller
      ? {
          accountId: caller.accountId,
          partition: caller.partition,
          clusterArn: clusterArn({ ...caller, region: aws.region, name }),
        }
      : {}),
    ...defined({
      oidcIssuer: issuer,
      oidcProviderArn: caller && issuer !== undefined ? providerArnOf({ ...caller, issuer }) : undefined,
      quotas,
    }),
    conditions: setConditions(
      config.status?.conditions,
      [verdict, provider, drift].filter((part) => part !== undefined),
      { generation: config.metadata.generation, now: world.now },
    ),
  };
  return { applyNamespaces: world.older === undefined ? missing : [], status };
}

/**
 * Status of a ClusterConfig whose spec has fields of a later version. `Ready` becomes False. All other entries of the status are
 * kept, including entries that a later version wrote.
 */
function newerConfigStatus({ config, now }: ClusterWorld, message: string): ClusterConfigStatus {
  const known = (config.status?.conditions ?? []).filter(({ type }) => type !== 'Ready');
  return {
    ...config.status,
    ...defined({ observedGeneration: config.metadata.generation }),
    conditions: setConditions(
      config.status?.conditions,
      [{ type: 'Ready', status: 'False', reason: 'SpecNewerThanOperator', message }, ...known],
      { generation: config.metadata.generation, now },
    ),
  };
}

/**
 * Status of a ClusterConfig while the CRDs are newer than the operator. The status contains the condition
 * `OperatorCurrent` False. `Ready` is kept, so that an operator of the newer version can plan accounts at once. The
 * newer operator removes `OperatorCurrent`.
 */
export function outdatedStatus(
  { status, metadata }: ClusterConfig,
  { installed, own, now }: { readonly installed: number; readonly own: number; readonly now: Wall },
): ClusterConfigStatus {
  const known = (status?.conditions ?? []).filter(({ type }) => type !== outdatedCondition);
  const verdict = conditionDraft(
    outdatedCondition,
    'False',
    'OperatorOutdated',
    outdatedMessage(installed, own),
  );
  const { generation } = metadata;
  return {
    ...status,
    conditions: setConditions(status?.conditions, [...known, verdict], { generation, now }),
  };
}

export function outdatedMessage(installed: number, own: number): string {
  return `the CRDs have schema version ${installed}, but this operator knows only version ${own}, so it changes nothing in AWS or the cluster. Upgrade the operator to the version of the CRDs`;
}

function disallowedNote({ config, disallowed }: ClusterWorld): string {
  if (!disallowed || disallowed.policies === 0) return '';
  const { policies, accounts } = disallowed;
  return `; allowedPolicyArns do not allow ${policies} attached ${policies === 1 ? 'policy' : 'policies'} of ${accounts} ${accounts === 1 ? 'account' : 'accounts'}, which ${policies === 1 ? 'stays' : 'stay'} attached. To detach every policy that is not allowed: kubectl annotate --overwrite clusterconfig ${config.metadata.name} ${detachDisallowedAnnotation}=${allowListKey(config.spec.aws.allowedPolicyArns)}`;
}

/**
 * Condition that shows whether drift detection works: whether roles and associations are compared with AWS. After a
 * restart, the condition in the status is kept until a drift detection pass has a result, so that a restart writes
 * nothing. The condition does not contain the time of a successful pass, so that an idle cluster writes nothing.
 */
function driftVerdict({ config, drift = [], older }: ClusterWorld): ConditionDraft | undefined {
  if (older !== undefined) return undefined;
  const type = 'DriftChecked';
  const failing = drift.flatMap(({ what, lastSuccess, failure }) => {
    if (!failure || !isReported(failure)) return [];
    const { code: reason, message } = failure.error;
    const since = lastSuccess === undefined ? 'the operator started' : formatTime(lastSuccess as Wall);
    return {
      reason,
      message: `the comparison of ${whatNames[what]} with AWS has failed since ${since}: ${message}`,
    };
  });
  const [worst] = failing;
  if (worst)
    return conditionDraft(type, 'False', worst.reason, failing.map(({ message }) => message).join('; '));
  const roles = drift.find(({ what }) => what === 'roles');
  if (roles?.lastSuccess !== undefined && !drift.some(({ failure }) => failure))
    return conditionDraft(
      type,
      'True',
      'DriftChecked',
      `roles are compared with AWS every ${config.spec.aws.driftIntervalSeconds} s`,
    );
  return findCondition(config.status?.conditions, type);
}

/** Whether a failure of drift detection is reported in a condition. A transient failure is reported only after several failed passes. */
export function isReported({ error, passes }: NonNullable<DriftCheck['failure']>): boolean {
  return identityErrors[error.code].retry === 'terminal' || passes >= reportedPasses;
}

/**
 * Quotas for the status. The number of roles changes whenever any role in the AWS account is created or deleted. The new number
 * is written only if it differs by a noticeable part of the quota, so that an idle cluster writes nothing.
 */
function reportedQuotas({ quotas, config }: ClusterWorld): ClusterConfigStatus['quotas'] {
  const reported = config.status?.quotas;
  if (!quotas?.ok) return reported;
  const { rolesUsed, roles } = quotas.value;
  const isNoticeable =
    reported === undefined || Math.abs(rolesUsed - reported.rolesUsed) >= noticeableShare * roles;
  return isNoticeable ? quotas.value : { ...quotas.value, rolesUsed: reported.rolesUsed };
}

function problemIn(world: ClusterWorld): { reason: string; message: string } | undefined {
  const { config, issuer, caller, provider } = world;
  const { aws } = config.spec;
  if (world.older !== undefined) {
    return {
      reason: 'ClusterConfigDuplicate',
      message: `the ClusterConfig "${world.older}" is older and takes precedence; delete the ClusterConfig "${config.metadata.name}"`,
    };
  }
  if (!issuer.ok) return { reason: 'IssuerUnknown', message: issuer.error.message };
  if (aws.oidcIssuer !== undefined && aws.oidcIssuer !== issuer.value) {
    return {
      reason: 'IssuerMismatch',
      message: `spec.aws.oidcIssuer is ${aws.oidcIssuer}, but the API server issues tokens with the issuer ${issuer.value}`,
    };
  }
  if (!caller.ok) return problemOf(caller.error);
  if (aws.accountId !== undefined && aws.accountId !== caller.value.accountId) {
    return {
      reason: 'WrongAccount',
      message: `the operator's credentials (${caller.value.arn}) belong to the AWS account ${caller.value.accountId}, but spec.aws.accountId is ${aws.accountId}; the operator makes no call in either AWS account`,
    };
  }
  // Pod Identity needs no IAM OIDC provider. Accounts that use IRSA report a missing provider through their proofs.
  if (aws.identityMode === 'PodIdentity') return undefined;
  if (!provider) return { reason: 'OIDCProviderMissing', message: 'the IAM OIDC provider was not read' };
  if (!provider.ok) {
    // The operator may lack the permission to read the provider although the provider exists. The proofs of accounts
    // show whether the provider works.
    return provider.error.code === 'AccessDenied' ? undefined : problemOf(provider.error);
  }
  return providerProblem(
    {
      accountId: caller.value.accountId,
      issuer: issuer.value,
      arn: providerArnOf({ ...caller.value, issuer: issuer.value }),
    },
    provider.value,
  );
}

/** Problem of the IAM OIDC provider; undefined if the provider lets STS verify this cluster's tokens. */
export function providerProblem(
  of: { readonly accountId: string; readonly issuer: string; readonly arn: string },
  provider: { readonly clientIds: readonly string[] } | undefined,
): Problem | undefined {
  if (!provider) {
    return {
      reason: 'OIDCProviderMissing',
      message: `the AWS account ${of.accountId} has no IAM OIDC provider ${of.arn}, so STS cannot verify this cluster's tokens. Create the provider: aws iam create-open-id-connect-provider --url ${of.issuer} --client-id-list ${stsAudience}`,
    };
  }
  if (!provider.clientIds.includes(stsAudience)) {
    return {
      reason: 'AudienceMissing',
      message: `the IAM OIDC provider ${of.arn} does not list ${stsAudience}. Add this client ID: aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn ${of.arn} --client-id ${stsAudience}`,
    };
  }
  return undefined;
}

/**
 * Condition of the IAM OIDC provider. It is reported in every identity mode, because accounts may choose IRSA on any cluster.
 * During an AWS outage, the last condition is kept.
 */
function providerVerdict({ config, issuer, caller, provider }: ClusterWorld): ConditionDraft | undefined {
  const before = findCondition(config.status?.conditions, providerCondition);
  if (!provider?.ok || !caller.ok || !issuer.ok) {
    return provider?.ok === false && provider.error.code === 'AccessDenied'
      ? conditionDraft(providerCondition, 'Unknown', provider.error.code, provider.error.message)
      : before;
  }
  const arn = providerArnOf({ ...caller.value, issuer: issuer.value });
  const problem = providerProblem(
    { accountId: caller.value.accountId, issuer: issuer.value, arn },
    provider.value,
  );
  return problem
    ? { type: providerCondition, status: 'False', ...problem }
    : conditionDraft(providerCondition, 'True', 'OIDCProviderFound', arn);
}
