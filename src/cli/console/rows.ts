/**
 * Builds the rows of the console's lists. The functions behind `kon account show` and `kon app pods` compute the
 * content of the rows. Pure.
 */
import { appLabel } from '../../api/labels.ts';
import type {
  AccountConditionType,
  LinkedServiceAccount,
  QuarantinedPodStatus,
  TargetStatus,
} from '../../api/linked-service-account.ts';
import type { Quarantine } from '../../api/quarantine.ts';
import { isOfWholeAccount } from '../../identity/desired/pod-denial.ts';
import { policyEntries } from '../../identity/desired/policy-entries.ts';
import { defined } from '../../k8s/defined.ts';
import { findCondition } from '../../k8s/conditions.ts';
import { podIdentity, type HeldIdentity, type WantedIdentity } from '../../workloads/pod-identity.ts';
import { serviceAccountOf } from '../../workloads/pod.ts';
import type { AppPod } from '../cluster/app-objects.ts';
import { accountKind } from '../cluster/kinds.ts';
import { podRow } from '../pods/rows.ts';
import { awaitsPod, problemsOf } from '../framework/wait/progress.ts';
import { nextStepsFor, subjectOf } from '../framework/wait/reasons.ts';
import { releasingReasons } from '../objects/quarantine.ts';
import { reasonColumn } from '../objects/columns.ts';
import {
  chainLinks,
  type AccountRow,
  type Blocker,
  type ChainLink,
  type PodRow,
  type QuarantineState,
  type TargetRow,
} from './wire.ts';

const conditionOf: Readonly<Record<ChainLink, AccountConditionType>> = {
  role: 'RoleSynced',
  policies: 'PoliciesAttached',
  targets: 'TargetsLinked',
  proof: 'IdentityProven',
  workloads: 'WorkloadsCurrent',
};

/**
 * @param apps names of the apps that name the account
 * @param quarantines those Quarantines of the account that the user is permitted to read
 */
export function accountRow(
  account: LinkedServiceAccount,
  apps: readonly string[],
  quarantines: readonly Quarantine[] = [],
): AccountRow {
  const { metadata, spec, status } = account;
  const ready = findCondition(status?.conditions, 'Ready');
  const isObserved = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  const statusOf = (link: ChainLink): AccountRow['ready'] => {
    const found = findCondition(status?.conditions, conditionOf[link]);
    return found && isObserved ? found.status : 'Unknown';
  };
  const links = Object.fromEntries(chainLinks.map((link) => [link, statusOf(link)])) as AccountRow['links'];
  const ofAccount = quarantines.filter((one) => isOfWholeAccount(one.spec));
  return {
    name: metadata.name,
    ready: ready && isObserved ? ready.status : 'Unknown',
    reason: reasonColumn.value(account),
    message: ready?.message ?? 'no operator has processed the account',
    deleting: metadata.deletionTimestamp !== undefined,
    links,
    targets: (status?.targets ?? []).map((target) => targetRow(target, links.proof, isObserved)),
    policies: policyEntries(spec.aws).length,
    statements: spec.aws.statements?.length ?? 0,
    apps,
    ...defined({
      roleArn: status?.roleArn,
      blocker: blockerOf(account),
      quarantine: quarantineState(ready?.reason ?? '', ofAccount),
      quarantinedPods: status?.quarantinedPods?.length ? status.quarantinedPods : undefined,
      lastUsed: status?.lastUsed,
    }),
  };
}

/**
 * Determines the state of the quarantine. Also uses the reason of the condition Ready, because a user may be permitted
 * to read accounts but not Quarantines.
 */
function quarantineState(reason: string, quarantines: readonly Quarantine[]): QuarantineState | undefined {
  const requests = quarantines.map(({ metadata: { name, creationTimestamp: since }, spec }) => ({
    name,
    ...defined({ since, requestedBy: spec.requestedBy, reason: spec.reason }),
  }));
  if (reason === 'Quarantined') return { state: 'in force', requests };
  if (requests.length > 0) return { state: 'requested', requests };
  return releasingReasons.includes(reason) ? { state: 'ending', requests } : undefined;
}

function targetRow(target: TargetStatus, proof: AccountRow['ready'], isObserved: boolean): TargetRow {
  const { name, linked, provenAt, roleArn, identityMode = 'IRSA', pods, reason, message } = target;
  return {
    name,
    linked,
    proof: proofState(target, proof, isObserved),
    mode: identityMode,
    ...defined({ provenAt, roleArn, pods, reason, message }),
  };
}

/**
 * Determines the state of a target's proof. While the account's condition IdentityProven is Unknown, the proof in the
 * target's row does not count, because the operator could not repeat the proof.
 */
function proofState(
  target: TargetStatus,
  condition: AccountRow['ready'],
  isObserved: boolean,
): TargetRow['proof'] {
  if (!isObserved || condition === 'Unknown') return awaitsPod(target) ? 'awaiting' : 'unknown';
  if (target.proven) return 'proven';
  return awaitsPod(target) ? 'awaiting' : 'failed';
}

/** Returns the first problem in the chain from the account to its pods, with the advice of `kon account show`. */
function blockerOf(account: LinkedServiceAccount): Blocker | undefined {
  const [problem] = problemsOf(account);
  if (!problem) return undefined;
  return {
    ...problem,
    link: linkOf(account, problem.about),
    next: nextStepsFor(problem.reason, subjectOf(accountKind, account)),
  };
}

function linkOf(account: LinkedServiceAccount, about: string | undefined): Blocker['link'] {
  if (about === 'role') return 'role';
  if (about?.startsWith('policy ')) return 'policies';
  if (about?.startsWith('target ')) {
    const name = about.slice('target '.length);
    const target = account.status?.targets?.find((each) => each.name === name);
    return target?.linked ? 'proof' : 'targets';
  }
  const failed = chainLinks.find(
    (link) => findCondition(account.status?.conditions, conditionOf[link])?.status === 'False',
  );
  return failed ?? 'account';
}

/**
 * @param wanted identity that the account's pods should hold in the pod's target; undefined if there is none
 * @param account name of the account that manages the pod's ServiceAccount, if any
 * @param quarantined entries in the account's status for the pods that Quarantines name
 */
export function consolePodRow(
  pod: AppPod,
  wanted: WantedIdentity | undefined,
  account: string | undefined,
  quarantined: readonly QuarantinedPodStatus[] = [],
): PodRow {
  const { namespace = '', name, uid, labels, creationTimestamp } = pod.metadata;
  // Pods are matched by UID, because the replacement of a StatefulSet's pod has the same name as the earlier pod.
  const quarantine = quarantined.find((row) => row.uid === uid);
  const { identity, holds, state, ready, restarts } = podRow(namespace, pod, wanted, account);
  return {
    namespace,
    name,
    serviceAccount: serviceAccountOf(pod),
    ...defined({ account, app: labels?.[appLabel], holds, created: creationTimestamp, quarantine }),
    identity,
    mechanism: mechanismOf(pod),
    state,
    ready,
    restarts,
  };
}

/**
 * Wanted identity that no pod holds. `podIdentity` returns a held identity only if that identity differs from the
 * wanted identity, so with this constant it returns every held identity.
 */
const noIdentity: WantedIdentity = { roleArn: '', audience: '' };

const mechanisms: Readonly<Record<HeldIdentity['kind'], PodRow['mechanism']>> = {
  role: 'IRSA',
  podIdentity: 'Pod Identity',
  own: 'own credentials',
  none: 'node role',
};

function mechanismOf(pod: AppPod): PodRow['mechanism'] {
  const identity = podIdentity(pod, noIdentity);
  return mechanisms['held' in identity ? identity.held.kind : 'none'];
}
