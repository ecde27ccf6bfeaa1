/** Decisions about the targets of an account: whether the account may be linked in a target and, if not, the reason. */
import {
  isReservedNamespace,
  reservedAccountName,
  reservedTargetMessage,
  stsAudience,
  type LinkedServiceAccount,
} from '../../api/index.ts';
import { isReservedReason } from '../state/reasons.ts';
import { wantedMode } from '../desired/role.ts';
import { isDraining, wasAdmitted } from './draining.ts';
import { accountLabelValue } from '../desired/names.ts';
import type { Problem, AccountWorld, ClusterFacts, TargetObservation } from '../state/world.ts';

export type TargetDecision = {
  readonly observation: TargetObservation;
  /** The spec names the target. */
  readonly wanted: boolean;
  /** Whether trust policies name the target: it is wanted without a problem, or its pods still need their access. */
  readonly admitted: boolean;
  /**
   * Set while running pods keep their AWS access in a target that the account does not name, or that has a problem. See
   * `draining.ts`.
   */
  readonly draining?: true;
  readonly problem?: Problem;
};

export function decideTargets(world: AccountWorld, facts: ClusterFacts): readonly TargetDecision[] {
  const { account, targets } = world;
  const wanted = new Set(account.spec.targets ?? facts.targets);
  return [...targets]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((observation) => {
      const drains = (): { readonly admitted: boolean; readonly draining?: true } =>
        isDraining(world, facts, observation) ? { admitted: true, draining: true } : { admitted: false };
      if (!wanted.has(observation.name)) return { observation, wanted: false, ...drains() };
      const problem = problemOf(account, facts, observation);
      if (!problem) return { observation, wanted: true, admitted: true };
      // A target that was linked before its name became reserved remains in the trust policy, because pods may depend on the
      // link.
      if (isReservedReason(problem.reason) && wasLinked(world, facts, observation))
        return { observation, wanted: true, admitted: true, problem };
      return { observation, wanted: true, problem, ...drains() };
    });
}

/**
 * Whether the account was linked in the target: the target has a ServiceAccount with the account's label, and a role of
 * the account already admitted the target's pods. The label alone proves nothing, because everyone who is permitted to
 * write ServiceAccounts in the namespace can set it.
 */
function wasLinked(
  world: AccountWorld,
  facts: ClusterFacts,
  { name, namespace, serviceAccount }: TargetObservation,
): boolean {
  return (
    namespace === 'present' &&
    serviceAccount?.account === accountLabelValue(world.account.metadata.name) &&
    (wasAdmitted(world, facts, 'IRSA', name) || wasAdmitted(world, facts, 'PodIdentity', name))
  );
}

function problemOf(
  account: LinkedServiceAccount,
  facts: ClusterFacts,
  { name, namespace, serviceAccount }: TargetObservation,
): Problem | undefined {
  if (isReservedNamespace(name, facts.operatorNamespace))
    return { reason: 'TargetReserved', message: reservedTargetMessage(name) };
  if (account.metadata.name === reservedAccountName)
    return {
      reason: 'AccountNameReserved',
      message: `every pod without a ServiceAccount of its own runs as "${reservedAccountName}", so no account can have this name; create the account again under another name`,
    };
  if (!facts.targets.includes(name)) {
    return {
      reason: 'TargetUnknown',
      message: `the ClusterConfig "${facts.configName}" has no target "${name}"; it has: ${facts.targets.join(', ') || 'none'}`,
    };
  }
  if (namespace === 'missing')
    return { reason: 'NamespaceMissing', message: `the namespace "${name}" does not exist` };
  if (namespace === 'terminating') {
    return { reason: 'NamespaceTerminating', message: `the namespace "${name}" is being deleted` };
  }
  if (!serviceAccount) return undefined;
  const full = `ServiceAccount ${name}/${account.metadata.name}`;
  if (serviceAccount.account !== accountLabelValue(account.metadata.name)) {
    return {
      reason: 'ServiceAccountNotOwned',
      message: `the ${full} already exists and does not belong to this account, so the operator does not change it. To hand the ServiceAccount over: kubectl label serviceaccount -n ${name} ${account.metadata.name} k11n.dev/account=${accountLabelValue(account.metadata.name)}`,
    };
  }
  // Only IRSA uses the annotated audience. The tokens that the webhook injects for Pod Identity have an audience of their own.
  if (
    wantedMode(account, facts) === 'IRSA' &&
    serviceAccount.audience !== undefined &&
    serviceAccount.audience !== stsAudience
  ) {
    return {
      reason: 'ForeignAudience',
      message: `the ${full} has the annotation eks.amazonaws.com/audience=${serviceAccount.audience}, but its tokens must be for ${stsAudience}`,
    };
  }
  return undefined;
}
