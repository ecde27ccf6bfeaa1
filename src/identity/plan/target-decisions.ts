/** Decisions about the targets of an account: whether the account is linked in a target, and the reason if not. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import {
  isReservedNamespace,
  reservedAccountName,
  reservedTargetMessage,
  stsAudience,
} from '../../api/index.ts';
import { wantedMode } from '../desired/role.ts';
import { isDraining, wasAdmitted } from './draining.ts';
import { accountLabelValue } from '../desired/names.ts';
import type { Problem } from '../state/problem.ts';
import type { AccountWorld, ClusterFacts, TargetObservation } from '../state/world.ts';

export type TargetDecision = {
  readonly observation: TargetObservation;
  /** The spec names the target. */
  readonly wanted: boolean;
  /** Trust policies may name the target: it is wanted and not refused, or its pods still need it. */
  readonly admitted: boolean;
  /** The account does not, or no longer, name the target, but running pods keep their access. See `draining.ts`. */
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
      // A link that is older than the reservation of the name remains in the trust policy, because pods may depend on the link.
      if (isReservedReason(problem.reason) && wasLinked(world, facts, observation))
        return { observation, wanted: true, admitted: true, problem };
      return { observation, wanted: true, problem, ...drains() };
    });
}

function isReservedReason(reason: Problem['reason']): boolean {
  return reason === 'TargetReserved' || reason === 'AccountNameReserved';
}

/**
 * Whether the target has a link of this account: its ServiceAccount, and a role that already admits its pods. The label of
 * a ServiceAccount alone is no evidence, because everyone who may write ServiceAccounts there can set it.
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
      message: `every pod without a ServiceAccount of its own runs as "${reservedAccountName}", so that no account may have this name; create the account again under another name`,
    };
  if (!facts.targets.includes(name)) {
    return {
      reason: 'TargetUnknown',
      message: `the ClusterConfig "${facts.name}" has no target "${name}"; it has: ${facts.targets.join(', ') || 'none'}`,
    };
  }
  if (namespace === 'missing')
    return { reason: 'NamespaceMissing', message: `there is no namespace "${name}"` };
  if (namespace === 'terminating') {
    return { reason: 'NamespaceTerminating', message: `the namespace "${name}" is being deleted` };
  }
  if (!serviceAccount) return undefined;
  const full = `ServiceAccount ${name}/${account.metadata.name}`;
  if (serviceAccount.account !== accountLabelValue(account.metadata.name)) {
    return {
      reason: 'ServiceAccountNotOwned',
      message: `${full} exists already and is not ours; it is left alone. To hand it over: kubectl label serviceaccount -n ${name} ${account.metadata.name} k11n.dev/account=${accountLabelValue(account.metadata.name)}`,
    };
  }
  // The webhook's tokens for Pod Identity have a separate audience.
  if (
    wantedMode(account, facts) === 'IRSA' &&
    serviceAccount.audience !== undefined &&
    serviceAccount.audience !== stsAudience
  ) {
    return {
      reason: 'ForeignAudience',
      message: `${full} has the annotation eks.amazonaws.com/audience=${serviceAccount.audience}, but its tokens must be for ${stsAudience}`,
    };
  }
  return undefined;
}
