/** Invariants of quarantines: access that a quarantine removed stays removed, and nothing else is removed by it. */
import {
  closedSince,
  deniesEveryPrincipal,
  denyAllArn,
  isAdopted,
  isDenied,
  isMarked,
  type ObservedRole,
} from '../../../src/identity/index.ts';
import type { Quarantine } from '../../../src/api/index.ts';
import { deniedUids } from '../oracles.ts';
import type { RoleChange } from '../simulated-aws.ts';
import type { Context } from './context.ts';
import { hasEnv, podIdentityEnv, roleEnv, seenPods } from './identities.ts';

/** Maximum time between a response of the API server and the write that depends on it, in milliseconds. */
const mostCallMs = 10_000;

/** Maximum duration of a session in AWS, in milliseconds. */
const longestSessionMs = 43_200_000;

const isClosed = (role: ObservedRole): boolean =>
  isDenied(role, 'aws') && deniesEveryPrincipal(role.trustPolicy);

const podUids = (quarantine: Quarantine | undefined): readonly string[] =>
  (quarantine?.spec.pods ?? []).map(({ uid }) => uid);

export type QuarantineChecks = {
  readonly checkChange: (change: RoleChange) => void;
  /** Whether a quarantine has cut off the role, or may be cutting it off. */
  readonly isCutOff: (change: RoleChange) => boolean;
};

export function createQuarantineChecks(context: Context): QuarantineChecks {
  const { simulation, states, report } = context;
  /**
   * Unique ids of the roles that the operator has closed for a quarantine: they deny everything and trust no principal.
   */
  const closed = new Set<string>();
  const isQuarantined = (account: string): boolean =>
    states.quarantines(account).every((one) => one !== undefined);
  const mayBeQuarantined = (account: string): boolean =>
    states.quarantines(account).some((one) => one !== undefined);

  /**
   * A closed role is never opened again, and it keeps its quarantine tag. The only exception is an adopted role: it can
   * lose the tag once all sessions from before its closing have ended.
   */
  function checkClosedRole({ action, name, before, after, by = '' }: RoleChange): void {
    if (after && isClosed(after) && mayBeQuarantined(by)) closed.add(after.id);
    if (!before || !after || !closed.has(before.id) || !isClosed(before)) return;
    if (!isClosed(after)) report('quarantine', `${action} opened ${name}, which a quarantine had closed`);
    const closedAt = closedSince(before.tags) ?? Infinity;
    const isEarly = !isAdopted(before.tags) || simulation.time.now() < closedAt + longestSessionMs;
    if (isMarked(before.tags) && !isMarked(after.tags) && isEarly)
      report('quarantine', `${action} removed the quarantine tag of ${name} while older sessions may exist`);
  }

  /** During a quarantine, no access is restored. */
  function checkRestoredAccess({ action, name, before, after, by = '' }: RoleChange): void {
    if (!isQuarantined(by)) return;
    const attached =
      after?.attachedPolicyArns.filter((arn) => !before?.attachedPolicyArns.includes(arn)) ?? [];
    const restores =
      !after ||
      !before ||
      attached.some((arn) => arn !== denyAllArn('aws')) ||
      (after.trustPolicy !== before.trustPolicy && !deniesEveryPrincipal(after.trustPolicy)) ||
      after.inlinePolicyNames.length < before.inlinePolicyNames.length ||
      (before.permissionsBoundaryArn !== undefined && after.permissionsBoundaryArn === undefined);
    if (restores) report('quarantine', `${action} on ${name}, although ${by} is in quarantine`);
  }

  /** After a quarantine, no role is replaced while pods from before the quarantine run. */
  function checkReplacement({ name, before, after, by = '' }: RoleChange): void {
    const closedAt = before && closedSince(before.tags);
    if (after || closedAt === undefined) return;
    const old = seenPods(context, by, { before: closedAt }).find(
      (pod) =>
        hasEnv(pod, roleEnv, podIdentityEnv) &&
        !states.wasDisturbed(`namespaces /${pod.metadata.namespace}`) &&
        !states.wasDisturbed(`serviceaccounts ${pod.metadata.namespace}/${by}`),
    );
    if (old)
      report('quarantine', `${name} was replaced while ${old.metadata.name} from before the quarantine runs`);
  }

  /**
   * A denial contains only pods that Quarantines name. While a pod's Quarantine exists and the role has other policies,
   * the denial keeps that pod. A Quarantine that names pods does not cut off the whole account.
   */
  function checkPodDenial({ action, name, before, after, by = '' }: RoleChange): void {
    if (!after) return;
    const named = states.podQuarantines(by).flatMap((versions) => versions.flatMap(podUids));
    const excess = deniedUids(after).filter((uid) => !named.includes(uid));
    if (excess.length > 0 && action === 'PutRolePolicy')
      report('quarantine', `${action} on ${name} denies ${excess.join(', ')}, which no Quarantine names`);

    const isNamed = (uid: string): boolean =>
      states
        .podQuarantines(by, mostCallMs)
        .some((versions) => versions.every((one) => podUids(one).includes(uid)));
    const released = (before ? deniedUids(before) : [])
      .filter((uid) => !deniedUids(after).includes(uid))
      .filter(isNamed);
    const hasOthers = after.attachedPolicyArns.length > 0 || after.inlinePolicy !== undefined;
    if (released.length > 0 && hasOthers && !isMarked(after.tags))
      report(
        'quarantine',
        `${action} on ${name} gave access to the pods ${released.join(', ')}, which are in quarantine`,
      );

    const cutsOff = isMarked(after.tags) && !(before && isMarked(before.tags));
    if (cutsOff && !mayBeQuarantined(by))
      report('quarantine', `${action} cut off ${name}, although no Quarantine names the whole account ${by}`);
  }

  return {
    checkChange(change) {
      checkClosedRole(change);
      checkRestoredAccess(change);
      checkReplacement(change);
      checkPodDenial(change);
    },
    isCutOff: ({ before, by = '' }) =>
      (before !== undefined && isMarked(before.tags)) || mayBeQuarantined(by),
  };
}
