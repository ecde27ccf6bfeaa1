/** State of the cluster as the plans of accounts need it. It is derived from the ClusterConfigs alone. */
import { clusterConfigs, newerSpecMessage, type ClusterConfig } from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import { defined } from '../../k8s/defined.ts';
import { clusterArn } from '../desired/arn.ts';
import type { Problem, ClusterState } from '../state/world.ts';
import { consentsToDetach } from './policies.ts';

export const providerCondition = 'OIDCProviderReady';

/** Default of `proofIntervalSeconds`. The interval is long, because each proof causes a management event in CloudTrail. */
const defaultProofIntervalSeconds = 6 * 3600;

/**
 * Maximum time between two proofs of an identity, in milliseconds, while the operator is not permitted to read the IAM
 * OIDC provider.
 */
const unreadProviderIntervalMs = 10 * 60_000;

/**
 * IAM's default quotas, for an operator without permission to read the actual quotas. Source: IAM User Guide, "IAM and STS quotas".
 */
const defaultQuotas = { policiesPerRole: 10, trustPolicySize: 2048 };

/**
 * Reasons of the condition Ready=False of a ClusterConfig. With these reasons, accounts are still planned, because
 * accounts report these problems themselves.
 */
export const reportedByAccounts: ReadonlySet<string> = new Set([
  'OIDCProviderMissing',
  'AudienceMissing',
  'Throttled',
  'Unreachable',
  'ServiceFailure',
]);

/** Effective ClusterConfig: the oldest ClusterConfig. If several ClusterConfigs are equally old, the first by name. */
export function effectiveConfig(configs: readonly ClusterConfig[]): ClusterConfig | undefined {
  const age = (config: ClusterConfig): string =>
    `${config.metadata.creationTimestamp ?? ''} ${config.metadata.name}`;
  return [...configs].sort((a, b) => (age(a) < age(b) ? -1 : 1))[0];
}

/** Facts for the plans of accounts, from a ClusterConfig's spec and status alone. */
export function clusterState(configs: readonly ClusterConfig[], operatorNamespace?: string): ClusterState {
  const config = effectiveConfig(configs);
  if (!config) {
    return {
      ok: false,
      reason: 'ClusterConfigMissing',
      message:
        'the cluster has no ClusterConfig, so the AWS account of its roles is unknown; create a ClusterConfig',
    };
  }
  const { spec, status, metadata } = config;
  const notReady = (why: string): ClusterState => ({
    ok: false,
    reason: 'ClusterConfigNotReady',
    message: `the ClusterConfig "${metadata.name}" is not ready: ${why}`,
  });
  const newer = newerSpecMessage(clusterConfigs.kind, spec);
  if (newer !== undefined) return { ok: false, reason: 'SpecNewerThanOperator', message: newer };
  const ready = findCondition(status?.conditions, 'Ready');
  const { accountId, partition, clusterArn: arn, oidcIssuer, oidcProviderArn: providerArn } = status ?? {};
  if (
    !ready ||
    accountId === undefined ||
    partition === undefined ||
    arn === undefined ||
    oidcIssuer === undefined ||
    providerArn === undefined
  )
    return notReady(ready?.message ?? 'the operator has not checked the ClusterConfig yet');
  // A problem that accounts report themselves, such as an AWS outage, does not stop reconciliation. Any other problem,
  // such as a wrong AWS account or issuer, must stop every write.
  if (ready.status !== 'True' && !reportedByAccounts.has(ready.reason)) return notReady(ready.message);
  const provider = findCondition(status?.conditions, providerCondition);
  const name = spec.aws.clusterName ?? metadata.name;
  const reported = clusterArn({ partition, region: spec.aws.region, accountId, name });
  const isOfSpec =
    arn === reported &&
    (spec.aws.accountId ?? accountId) === accountId &&
    (spec.aws.oidcIssuer ?? oidcIssuer) === oidcIssuer;
  if (!isOfSpec)
    return notReady(
      'the ClusterConfig now names another cluster, AWS account or issuer, which the operator has not checked yet',
    );
  return {
    ok: true,
    facts: {
      name,
      configName: metadata.name,
      clusterArn: arn,
      accountId,
      partition,
      issuer: oidcIssuer,
      providerArn,
      ...(provider?.status === 'False'
        ? { providerProblem: { reason: provider.reason as Problem['reason'], message: provider.message } }
        : {}),
      rolePath: spec.aws.rolePath,
      identityMode: spec.aws.identityMode ?? 'IRSA',
      targets: spec.targets,
      ...defined({
        operatorNamespace,
        permissionsBoundaryArn: spec.aws.permissionsBoundaryArn,
        allowedPolicyArns: spec.aws.allowedPolicyArns,
      }),
      detachesDisallowed: consentsToDetach(config),
      allowsStatements: spec.aws.allowStatements ?? false,
      region: spec.aws.region,
      tags: spec.aws.tags ?? {},
      strictInline: spec.aws.strictInline ?? false,
      proofIntervalMs: proofIntervalOf(config),
      quotas: { ...defaultQuotas, ...status?.quotas },
    },
  };
}

/** Interval of proofs in milliseconds. */
function proofIntervalOf({ spec, status }: ClusterConfig): number {
  const intervalMs = (spec.aws.proofIntervalSeconds ?? defaultProofIntervalSeconds) * 1000;
  const provider = findCondition(status?.conditions, providerCondition);
  // If the operator cannot read the OIDC provider, only failing proofs show that the provider was deleted, so proofs
  // are repeated more often.
  return provider?.status === 'Unknown' ? Math.min(intervalMs, unreadProviderIntervalMs) : intervalMs;
}
