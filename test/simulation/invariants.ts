/**
 * Invariants that hold at every moment of a run, not only at its end. They inspect the simulated world, not the
 * operator: each write is judged when it arrives, by the current state and by all earlier states that the operator may
 * still see.
 */
import {
  accountFinalizer,
  accountLabel,
  clusterConfigs,
  createdAnnotation,
  detachDisallowedAnnotation,
  fieldManager,
  identityAnnotation,
  linkedServiceAccounts,
  quarantines,
  roleArnAnnotation,
  type ClusterConfig,
  type LinkedServiceAccount,
  type Quarantine,
} from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import {
  deniesEveryPrincipal,
  closedSince,
  denyAllArn,
  isAdopted,
  isDenied,
  isMarked,
  retainedTag,
  taggedOwner,
  type ObservedRole,
} from '../../src/identity/index.ts';
import { resources, type Lease, type Resource } from '../../src/kube/index.ts';
import type { Change } from './api-server/change-log.ts';
import type { StoredObject } from './api-server/simulated-api-server.ts';
import { deniedUids, type OracleName, type Violation } from './oracles.ts';
import { listedArns } from './listed-arns.ts';
import { isOfOtherIssuer } from './ownership.ts';
import { retryPeriodMs } from './operator-process.ts';
import { claimsOf, policiesPerRole, type RoleChange } from './simulated-aws.ts';
import { trustsPods } from './simulated-eks.ts';
import { driftIntervalMs, issuer, type Simulation } from './simulation.ts';

export type InvariantOptions = {
  /**
   * Maximum time that the operator may act on an outdated state, because its views lag and its calls wait in a queue.
   * Milliseconds.
   */
  readonly unawareMs: number;
  /** Whether IAM's reads may be stale, so that a new process may not see the last writes of its predecessor. */
  readonly readsLag?: boolean;
  /** Whether processes can always reach the lease, so that a takeover has a time limit. */
  readonly leaseIsReached?: boolean;
};

export type Invariants = { readonly violations: readonly Violation[] };

type DeploymentObject = StoredObject & {
  readonly spec: {
    readonly replicas?: number;
    readonly template: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  };
};

/** A value, and the time until which the value was current (`Infinity` for the present value). */
type Past<T> = { readonly value: T; until: number };

const untilNow = Infinity;

/** Maximum time between a response of the API server and the write that depends on it, in milliseconds. */
const mostCallMs = 10_000;

export function checkInvariants(
  simulation: Simulation,
  { unawareMs, readsLag = false, leaseIsReached = true }: InvariantOptions,
): Invariants {
  const { server, aws, time } = simulation;
  const violations: Violation[] = [];
  const say = (oracle: OracleName, message: string): void => {
    // Only the first violation of each oracle is recorded, because a bug that repeats itself would fill pages.
    if (!violations.some((known) => known.oracle === oracle)) violations.push({ oracle, message });
  };

  const pasts = new Map<string, Past<StoredObject | undefined>[]>();
  const rolePasts = new Map<string, Past<ObservedRole | undefined>[]>();
  /** Time of the last out-of-band change to a role, ServiceAccount, namespace or account, by key. */
  const disturbedAt = new Map<string, number>();

  /**
   * The process that last wrote a role, identified by the number of process starts up to then, and the time of that
   * write.
   */
  const writers = new Map<string, { readonly starts: number; readonly at: number }>();
  const inheritedAt = new Map<string, number>();
  const noteWriter = (name: string): void => {
    const last = writers.get(name);
    const starts = simulation.starts();
    if (last && last.starts !== starts) inheritedAt.set(name, last.at);
    writers.set(name, { starts, at: time.now() });
  };
  /**
   * Whether an earlier process wrote the role so recently that reads may still be stale. The current process detects
   * such a write only through drift detection.
   */
  const isInherited = (name: string, ms: number): boolean => {
    const last = writers.get(name);
    const at = last && last.starts !== simulation.starts() ? last.at : inheritedAt.get(name);
    return readsLag && at !== undefined && at >= time.now() - ms;
  };

  const remember = <T>(all: Map<string, Past<T>[]>, key: string, value: T, before: T): void => {
    const past = all.get(key) ?? [{ value: before, until: untilNow }];
    const last = past.at(-1);
    if (last) last.until = time.now();
    past.push({ value, until: untilNow });
    all.set(key, past);
  };
  /** Returns the present value and all earlier values that the operator may still see. */
  const recent = <T>(all: Map<string, Past<T>[]>, key: string, present: T, ms = unawareMs): readonly T[] =>
    (all.get(key) ?? [{ value: present, until: untilNow }])
      .filter(({ until }) => until >= time.now() - ms)
      .map(({ value }) => value);
  const keyOf = (
    resource: Resource,
    { metadata }: { metadata: { namespace?: string; name: string } },
  ): string => `${resource.plural} ${metadata.namespace ?? ''}/${metadata.name}`;
  const wasDisturbed = (key: string, ms: number): boolean =>
    (disturbedAt.get(key) ?? -Infinity) >= time.now() - ms;

  const accountsLately = (name: string): readonly (LinkedServiceAccount | undefined)[] =>
    recent(
      pasts,
      `${linkedServiceAccounts.plural} /${name}`,
      server.get(linkedServiceAccounts, name),
    ) as unknown as readonly (LinkedServiceAccount | undefined)[];
  const clustersLately = (): readonly ClusterConfig[] =>
    recent(pasts, 'clusterconfigs /simulated', server.get(clusterConfigs, 'simulated')).flatMap((object) =>
      object ? [object as unknown as ClusterConfig] : [],
    );
  const isAllowed = (arn: string, config: ClusterConfig): boolean => {
    const patterns = config.spec.aws.allowedPolicyArns;
    return patterns === undefined || patterns.includes(arn);
  };
  /** Whether an operator that sees this version of the account would detach the policy. */
  const dropsPolicy = (account: LinkedServiceAccount | undefined, arn: string): boolean => {
    if (!account || account.metadata.deletionTimestamp !== undefined) return true;
    const policyArns = listedArns(account.spec.aws);
    const isTooLong = (config: ClusterConfig): boolean =>
      policyArns.filter((listed) => isAllowed(listed, config)).length > policiesPerRole;
    if (clustersLately().every(isTooLong)) return false;
    const isConsented = (config: ClusterConfig): boolean =>
      !isAllowed(arn, config) && config.metadata.annotations?.[detachDisallowedAnnotation] !== undefined;
    return !policyArns.includes(arn) || clustersLately().some(isConsented);
  };

  /**
   * Token exchanges: a role with its trust policy, and a subject. STS may still use an older trust policy than IAM, so
   * the trust policies of both are recorded.
   */
  const proofs = new Set<string>();
  const proofOf = (role: ObservedRole, subject: string): string =>
    `${role.id} ${role.trustPolicy} ${subject}`;
  aws.onExchange(({ role, token }) => {
    const current = aws.roles.get(role.name);
    for (const known of [role, ...(current ? [current] : [])])
      proofs.add(proofOf(known, claimsOf(token).sub));
  });

  // Judges writes to IAM.
  simulation.aws.onWrite(({ action, name, by }) => {
    const role = aws.roles.get(name);
    if (!role || action === 'CreateRole') return;
    const lately = recent(rolePasts, name, role).filter((past) => past !== undefined);
    if (lately.every(isOfOtherIssuer))
      say('foreign role', `${action} on ${name}, which is of another issuer`);
    const marks = lately.map((past) => taggedOwner(past.tags));
    const owners = marks.flatMap((mark) => mark?.account ?? []);
    if (owners.length === 0) {
      const adopts = accountsLately(by).some(
        (account) => account?.spec.aws.adopt === true && account.spec.aws.roleName === name,
      );
      if (!(adopts && action === 'TagRole'))
        say('foreign role', `${action} on ${name}, which is nobody's of ours`);
    } else if (!owners.includes(by)) {
      say('other account', `${action} on ${name}, which is of ${owners.join(', ')}, on behalf of ${by}`);
    }
  });
  aws.onChange((change) => {
    remember(rolePasts, change.name, change.after, change.before);
    noteAttachments(change);
    if (change.by === undefined) {
      disturbedAt.set(`role ${change.name}`, time.now());
      return;
    }
    noteWriter(change.name);
    judgeQuarantine(change);
    judgePodDenial(change);
    // A quarantine removes access. The following checks are about writes that remove access without a quarantine.
    if (isCutOff(change)) return;
    judgeUse(change);
    if (change.after?.inlinePolicy !== undefined && change.after.permissionsBoundaryArn === undefined)
      say('unbounded statements', `${change.action} left ${change.name} with statements that nothing bounds`);
    if (change.action === 'DetachRolePolicy') judgeDetachment(change);
    if (change.action === 'DeleteRolePolicy') judgeRemovedStatements(change);
    if (change.action === 'UpdateAssumeRolePolicy') judgeTrust(change);
    if (change.action === 'UntagRole') judgeRetention(change);
  });

  /** Attachments, as `ROLE ARN`, that callers other than the operator made. */
  const attachedByHand = new Set<string>();
  const noteAttachments = ({ name, before, after, by }: RoleChange): void => {
    for (const arn of after?.attachedPolicyArns ?? []) {
      if (before?.attachedPolicyArns.includes(arn)) continue;
      if (by === undefined) attachedByHand.add(`${name} ${arn}`);
      else attachedByHand.delete(`${name} ${arn}`);
    }
  };

  // Judges writes to EKS.
  aws.eks.onChange(({ action, before, by }) => {
    if (by === undefined || !before) return;
    const { namespace, serviceAccount, tags } = before;
    const owner = taggedOwner(tags)?.account;
    if (owner !== by) {
      say('foreign association', `${action} on that of ${namespace}/${serviceAccount}, on behalf of ${by}`);
      return;
    }
    if (action !== 'DeletePodIdentityAssociation') return;
    // The deleted association gave pods other credentials than those of the role, and an update could not correct that.
    if (before.targetRoleArn !== undefined || before.policy !== undefined) return;
    if (accountsLately(by).every((account) => account !== undefined && isNotFor(account, namespace)))
      judgeDraining(`${action} of ${namespace}/${serviceAccount}`, namespace, by, podIdentityEnv);
    // If the account still has the target, new pods must get the role from the annotation.
    if (accountsLately(by).some((account) => isNotFor(account, namespace))) return;
    if (wasDisturbed(`namespaces /${namespace}`, unawareMs)) return;
    judgeSlot(namespace, serviceAccount);
    const account = server.get(resources.serviceAccounts, serviceAccount, namespace);
    const carried = account?.metadata.annotations?.[roleArnAnnotation] ?? '';
    const roleName = carried.split('/').at(-1) ?? '';
    // A role that was broken or deleted out of band denies access to pods of both modes, and the operator may not know
    // of the change yet.
    if (wasDisturbed(`role ${roleName}`, unawareMs + driftIntervalMs)) return;
    if (!subjectsOf(aws.roles.get(roleName)).includes(`system:serviceaccount:${namespace}:${serviceAccount}`))
      say('narrowing', `the association of ${namespace}/${serviceAccount} went before the annotation worked`);
  });
  /** An association must not be deleted while a pod of another target still waits for its replacement. */
  function judgeSlot(namespace: string, account: string): void {
    const waiting = server.list(resources.pods).find(({ metadata, spec }) => {
      const { namespace: other = '' } = metadata;
      const pod = spec as Parameters<typeof holds>[0];
      return (
        other !== namespace &&
        pod.serviceAccountName === account &&
        metadata.deletionTimestamp === undefined &&
        Date.parse(metadata.creationTimestamp ?? '') < time.now() - unawareMs &&
        holds(pod, 'AWS_CONTAINER_CREDENTIALS_FULL_URI') &&
        !aws.eks.associationOf(other, account) &&
        server.get(resources.serviceAccounts, account, other)?.metadata.labels?.[accountLabel] === account &&
        !wasDisturbed(`serviceaccounts ${other}/${account}`, unawareMs) &&
        !wasDisturbed(`namespaces /${other}`, unawareMs) &&
        !accountsLately(account).some((seen) => isNotFor(seen, other))
      );
    });
    if (waiting)
      say(
        'narrowing',
        `the association of ${namespace}/${account} went while ${waiting.metadata.namespace}/${waiting.metadata.name} could not exchange its identity`,
      );
  }
  const isNotFor = (account: LinkedServiceAccount | undefined, namespace: string): boolean =>
    !account ||
    account.metadata.deletionTimestamp !== undefined ||
    account.spec.targets?.includes(namespace) === false ||
    clustersLately().some((config) => !config.spec.targets.includes(namespace));
  /** Whether an operator that sees this version of the account would link its pods by a Pod Identity association. */
  const isByAssociation = (account: LinkedServiceAccount | undefined): boolean =>
    clustersLately().some(
      ({ spec }) => (account?.spec.aws.identityMode ?? spec.aws.identityMode) === 'PodIdentity',
    );
  /** Whether pods exist that the operator must already know of. */
  const hasPods = (namespace: string, account: string, env: string): boolean =>
    server
      .list(resources.pods, namespace)
      .filter(
        ({ metadata }) =>
          metadata.deletionTimestamp === undefined &&
          Date.parse(metadata.creationTimestamp ?? '') < time.now() - unawareMs,
      )
      .map(({ spec }) => spec as Parameters<typeof holds>[0])
      .some((spec) => spec.serviceAccountName === account && holds(spec, env));

  /** Unique ids of the roles that the operator has closed for a quarantine. */
  const closed = new Set<string>();
  const quarantinesLately = (account: string): readonly (StoredObject | undefined)[] =>
    recent(pasts, `${quarantines.plural} /${account}`, server.get(quarantines, account));
  /** Returns, for each Quarantine that names a pod of the account, the versions that the operator may still see. */
  const podQuarantinesLately = (
    account: string,
    ms = unawareMs,
  ): readonly (readonly (Quarantine | undefined)[])[] => {
    const prefix = `${quarantines.plural} /`;
    const names = new Set([
      ...server.list(quarantines).map(({ metadata }) => metadata.name),
      ...[...pasts.keys()].flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : [])),
    ]);
    return [...names]
      .map(
        (name) =>
          recent(pasts, `${prefix}${name}`, server.get(quarantines, name), ms) as unknown as readonly (
            | Quarantine
            | undefined
          )[],
      )
      .filter((versions) => versions.some((one) => one?.spec.account === account && one.spec.pods));
  };
  const isCutOff = ({ before, by = '' }: RoleChange): boolean =>
    (before !== undefined && isMarked(before.tags)) || quarantinesLately(by).some((one) => one !== undefined);

  /**
   * A denial contains only pods that Quarantines name. While a pod's Quarantine exists and the role has other policies,
   * the denial keeps that pod. A Quarantine that names pods does not cut off the whole account.
   */
  function judgePodDenial({ action, name, before, after, by = '' }: RoleChange): void {
    if (!after) return;
    const versions = podQuarantinesLately(by);
    const podsOf = (one: Quarantine | undefined): readonly string[] =>
      (one?.spec.pods ?? []).map(({ uid }) => uid);
    const named = versions.flatMap((all) => all.flatMap(podsOf));
    const excess = deniedUids(after).filter((uid) => !named.includes(uid));
    if (excess.length > 0 && action === 'PutRolePolicy')
      say('quarantine', `${action} on ${name} denies ${excess.join(', ')}, which no Quarantine names`);
    const lost = (before ? deniedUids(before) : []).filter((uid) => !deniedUids(after).includes(uid));
    const isNamed = (uid: string): boolean =>
      podQuarantinesLately(by, mostCallMs).some((all) => all.every((one) => podsOf(one).includes(uid)));
    const kept = lost.filter(isNamed);
    const hasOthers = after.attachedPolicyArns.length > 0 || after.inlinePolicy !== undefined;
    if (kept.length > 0 && hasOthers && !isMarked(after.tags))
      say(
        'quarantine',
        `${action} on ${name} gave the pods ${kept.join(', ')} access, which are in quarantine`,
      );
    if (isMarked(after.tags) && !(before && isMarked(before.tags)))
      if (quarantinesLately(by).every((one) => one === undefined))
        say('quarantine', `${action} cut off ${name}, though no Quarantine names the whole account ${by}`);
  }

  /**
   * A closed role is never opened again, and it keeps its quarantine tag. The only exception is an adopted role, which
   * can lose the tag once all older sessions have ended. During a quarantine no access is restored, and after it no role
   * is replaced while pods from before the quarantine run.
   */
  function judgeQuarantine({ action, name, before, after, by = '' }: RoleChange): void {
    const closedAt = before && closedSince(before.tags);
    const isClosed = (role: ObservedRole): boolean =>
      isDenied(role, 'aws') && deniesEveryPrincipal(role.trustPolicy);
    if (after && isClosed(after) && quarantinesLately(by).some((one) => one !== undefined))
      closed.add(after.id);
    if (before && after && closed.has(before.id) && isClosed(before)) {
      if (!isClosed(after)) say('quarantine', `${action} opened ${name}, which a quarantine had closed`);
      const isEarly = !isAdopted(before.tags) || time.now() < (closedAt ?? Infinity) + 43_200_000;
      if (isMarked(before.tags) && !isMarked(after.tags) && isEarly)
        say('quarantine', `${action} took the mark off ${name} while older sessions can live`);
    }
    if (quarantinesLately(by).every((one) => one !== undefined)) {
      const gained =
        after?.attachedPolicyArns.filter((arn) => !before?.attachedPolicyArns.includes(arn)) ?? [];
      const givesBack =
        !after ||
        !before ||
        gained.some((arn) => arn !== denyAllArn('aws')) ||
        (after.trustPolicy !== before.trustPolicy && !deniesEveryPrincipal(after.trustPolicy)) ||
        after.inlinePolicyNames.length < before.inlinePolicyNames.length ||
        (before.permissionsBoundaryArn !== undefined && after.permissionsBoundaryArn === undefined);
      if (givesBack) say('quarantine', `${action} on ${name}, though ${by} is in quarantine`);
    }
    if (!after && closedAt !== undefined) judgeOldPods(name, by, closedAt);
  }

  function judgeOldPods(name: string, account: string, closedAt: number): void {
    const old = server.list(resources.pods).find(({ metadata, spec }) => {
      const pod = spec as Parameters<typeof holds>[0];
      return (
        pod.serviceAccountName === account &&
        metadata.deletionTimestamp === undefined &&
        Date.parse(metadata.creationTimestamp ?? '') < closedAt - unawareMs &&
        (holds(pod, roleEnv) || holds(pod, podIdentityEnv)) &&
        !wasDisturbed(`namespaces /${metadata.namespace}`, unawareMs) &&
        !wasDisturbed(`serviceaccounts ${metadata.namespace}/${account}`, unawareMs)
      );
    });
    if (old)
      say('quarantine', `${name} was replaced while ${old.metadata.name} from before the quarantine runs`);
  }

  /** An account that is being deleted keeps its access while pods that have run for a while use it. */
  function judgeUse({ action, name, before, after, by = '' }: RoleChange): void {
    const account = server.get(linkedServiceAccounts, by) as LinkedServiceAccount | undefined;
    if (account?.metadata.deletionTimestamp === undefined) return;
    // An operator that has not seen the deletion yet applies the spec from before the deletion.
    const unaware = accountsLately(by).filter((seen) => seen && !seen.metadata.deletionTimestamp);
    const lost = listedArns(account.spec.aws).some(
      (arn) =>
        before?.attachedPolicyArns.includes(arn) &&
        !after?.attachedPolicyArns.includes(arn) &&
        !unaware.some((seen) => dropsPolicy(seen, arn)),
    );
    const isExcluded = (namespace = ''): boolean => {
      const subject = `system:serviceaccount:${namespace}:${by}`;
      return (
        subjectsOf(before).includes(subject) &&
        !subjectsOf(after).includes(subject) &&
        !unaware.some((seen) => isNotFor(seen, namespace))
      );
    };
    const user = server
      .list(resources.pods)
      .find(
        ({ metadata, spec }) =>
          (spec as { serviceAccountName?: string }).serviceAccountName === by &&
          metadata.deletionTimestamp === undefined &&
          Date.parse(metadata.creationTimestamp ?? '') < time.now() - unawareMs &&
          server.get(resources.serviceAccounts, by, metadata.namespace)?.metadata.labels?.[accountLabel] ===
            by &&
          !wasDisturbed(`namespaces /${metadata.namespace}`, unawareMs) &&
          (lost || !after || isExcluded(metadata.namespace)),
      );
    if (user) say('in use', `${action} on ${name}, though the pod ${user.metadata.name} uses ${by}`);
  }

  /** When a target is removed, pods that have run for a while keep their identity. */
  function judgeDraining(what: string, namespace: string, account: string, env: string): void {
    if (wasDisturbed(`serviceaccounts ${namespace}/${account}`, unawareMs)) return;
    if (hasPods(namespace, account, env))
      say('in use', `${what}, while pods of ${namespace}/${account} hold the identity`);
  }

  /** Statements are replaced by a single write and never removed before the replacement. */
  function judgeRemovedStatements({ name, before, after, by = '' }: RoleChange): void {
    if (after?.inlinePolicy !== undefined) return;
    const isKept = (account: LinkedServiceAccount | undefined): boolean =>
      account !== undefined &&
      account.metadata.deletionTimestamp === undefined &&
      (account.spec.aws.statements ?? []).length > 0;
    if (before?.inlinePolicy !== undefined && accountsLately(by).every(isKept))
      say('narrowing', `the statements were removed from ${name}, though ${by} has statements`);
  }

  function judgeDetachment({ name, before, after, by = '' }: RoleChange): void {
    const gone = before?.attachedPolicyArns.find((arn) => !after?.attachedPolicyArns.includes(arn));
    if (!before || gone === undefined) return;
    const lately = accountsLately(by);
    const isTheirs = attachedByHand.has(`${name} ${gone}`);
    if (!isTheirs && !lately.some((account) => dropsPolicy(account, gone)))
      say('narrowing', `${gone} was taken off ${name}, though ${by} lists it`);
    // If every version of the account that drops this policy also lists a new policy, the new policy must be attached
    // first, provided that the new policy exists and the role has room for it.
    const droppers = lately.filter((account) => dropsPolicy(account, gone));
    if (droppers.some((account) => !account || account.metadata.deletionTimestamp !== undefined)) return;
    const wanted = droppers
      .map((account) => (account ? listedArns(account.spec.aws) : []))
      .reduce(
        (common, arns) => common.filter((arn) => arns.includes(arn)),
        droppers[0] ? listedArns(droppers[0].spec.aws) : [],
      );
    // If a policy was detached out of band since the last listing, it is still attached in the operator's view. A
    // listing that overlaps a write of the operator does not count, so the operator may need two listings.
    const driftPassMs = unawareMs + 2 * driftIntervalMs;
    const seemsOn = (arn: string): boolean =>
      wasDisturbed(`role ${name}`, driftPassMs) &&
      recent(rolePasts, name, before, driftPassMs).some((past) => past?.attachedPolicyArns.includes(arn));
    // The operator does not retry a failed call immediately, and other work does not wait for the retry.
    const retryMs = unawareMs + 180_000;
    const waiting = wanted.filter(
      (arn) =>
        !before.attachedPolicyArns.includes(arn) &&
        !seemsOn(arn) &&
        !aws.missingPolicies.has(arn) &&
        (aws.missedAt.get(arn) ?? -Infinity) < time.now() - retryMs &&
        clustersLately().every((config) => isAllowed(arn, config)) &&
        !simulation.failures.some(
          ({ what, at }) => what === `iam AttachRolePolicy ${name} ${arn}` && at >= time.now() - retryMs,
        ),
    );
    // While the operator has not observed that a policy was detached out of band, it still counts this policy.
    const unseen = wanted.filter((arn) => !before.attachedPolicyArns.includes(arn) && seemsOn(arn));
    const hasRoom = before.attachedPolicyArns.length + unseen.length + waiting.length <= policiesPerRole;
    if (waiting.length > 0 && hasRoom && wanted.length <= policiesPerRole)
      say('gap', `${gone} was taken off ${name} before ${waiting.join(', ')} was put on`);
  }

  /**
   * If a role is retained when its account is deleted, the role gets the tag for retained roles before it loses its
   * ownership tags, because no listing shows a role without ownership tags.
   */
  function judgeRetention({ name, before, after, by = '' }: RoleChange): void {
    if (!before || !after || !taggedOwner(before.tags) || taggedOwner(after.tags)) return;
    const retains = accountsLately(by).every((account) => account?.spec.deletionPolicy === 'Retain');
    if (retains && after.tags[retainedTag] === undefined)
      say('orphan', `${name} lost its ownership tags, and nothing shows that ${by} retained it`);
  }

  function judgeTrust({ name, before, after, by = '' }: RoleChange): void {
    for (const subject of subjectsOf(before)) {
      if (subjectsOf(after).includes(subject)) continue;
      const [namespace = ''] = subject.split(':').slice(-2);
      const serviceAccount = server.get(resources.serviceAccounts, by, namespace);
      if (
        wasDisturbed(`namespaces /${namespace}`, unawareMs) ||
        wasDisturbed(`serviceaccounts ${namespace}/${by}`, unawareMs) ||
        wasDisturbed(`role ${name}`, unawareMs + driftIntervalMs) ||
        serviceAccount?.metadata.labels?.[accountLabel] !== by
      )
        continue;
      const drops = (account: LinkedServiceAccount | undefined): boolean =>
        isNotFor(account, namespace) || (isByAssociation(account) && !hasPods(namespace, by, roleEnv));
      judgeDraining(`${namespace} was shut out of ${name}`, namespace, by, roleEnv);
      if (!accountsLately(by).some(drops))
        say('narrowing', `${namespace} was shut out of ${name}, though ${by} is for it`);
    }
    for (const association of aws.eks.associations.values()) {
      const { namespace, serviceAccount, roleArn } = association;
      if (serviceAccount !== by || roleArn !== before?.arn || !after) continue;
      if (!trustsPods(before.trustPolicy, association) || trustsPods(after.trustPolicy, association))
        continue;
      if (
        wasDisturbed(`namespaces /${namespace}`, unawareMs) ||
        wasDisturbed(`role ${name}`, unawareMs + driftIntervalMs)
      )
        continue;
      judgeDraining(`the pods of ${namespace} were shut out of ${name}`, namespace, by, podIdentityEnv);
      if (!accountsLately(by).some((account) => isNotFor(account, namespace)))
        say(
          'narrowing',
          `the pods of ${namespace} were shut out of ${name} while they are associated with it`,
        );
    }
  }

  // Judges writes to Kubernetes.
  let isOperatorsWrite = false;
  simulation.onArrival(({ what, process }) => {
    const holder = server.get(resources.leases, 'konstellation', 'default')?.spec as
      | { readonly holderIdentity?: string }
      | undefined;
    if (holder && holder.holderIdentity !== process)
      say('not leading', `${what} by ${process}, while ${holder.holderIdentity} held the lease`);
    isOperatorsWrite = true;
    // The write is applied immediately, before any other task runs.
    queueMicrotask(() => (isOperatorsWrite = false));
    const [, verb, plural, key = ''] = what.split(' ');
    if (plural !== 'serviceaccounts' || verb === 'create') return undefined;
    const [namespace = '', name = ''] = key.split('/');
    const object = server.get(resources.serviceAccounts, name, namespace);
    const isForeign = object !== undefined && object.metadata.labels?.[accountLabel] !== name;
    return () => {
      if (isForeign) say('foreign ServiceAccount', `${what}, which is not ours`);
    };
  });
  server.onChange((resource, change) => {
    const { object } = change;
    const key = keyOf(resource, object);
    // A restored object may contradict AWS. Only the operator's later writes are judged.
    if (server.isRestoring) {
      disturbedAt.set(key, time.now());
      remember(pasts, key, change.type === 'DELETED' ? undefined : object, change.before);
      return;
    }
    switch (resource.plural) {
      case 'serviceaccounts':
        judgeServiceAccount(change, key);
        break;
      case 'namespaces':
        disturbedAt.set(key, time.now());
        break;
      case 'pods':
        if (change.type === 'ADDED') judgePod(object);
        break;
      case 'deployments':
        judgeDeployment(change);
        break;
      case 'linkedserviceaccounts':
        remember(pasts, key, change.type === 'DELETED' ? undefined : object, change.before);
        judgeAccount(change);
        break;
      case 'quarantines':
        remember(pasts, key, change.type === 'DELETED' ? undefined : object, change.before);
        break;
      case 'leases':
        judgeTakeover(change);
        break;
      case 'clusterconfigs':
        remember(pasts, key, change.type === 'DELETED' ? undefined : object, change.before);
        break;
      default:
    }
  });

  /**
   * If a process has not renewed the lease, another process takes over within the lease duration plus one retry period.
   */
  function judgeTakeover({ object, before }: Change): void {
    const lease: Lease = object;
    const earlier: Lease | undefined = before;
    const { holderIdentity, renewTime, leaseDurationSeconds = 0 } = earlier?.spec ?? {};
    if (!holderIdentity || !renewTime || holderIdentity === lease.spec?.holderIdentity) return;
    const tookMs = time.now() - Date.parse(renewTime);
    const mostMs = leaseDurationSeconds * 1000 + retryPeriodMs(leaseDurationSeconds * 1000);
    if (leaseIsReached && tookMs > mostMs)
      say('failover', `${lease.spec?.holderIdentity} took over ${tookMs} ms after the last renewal`);
  }

  function judgeServiceAccount({ type, object, before }: Change, key: string): void {
    const carried = object.metadata.annotations?.[roleArnAnnotation];
    if (type === 'DELETED') {
      disturbedAt.set(key, time.now());
      return;
    }
    if (carried === before?.metadata.annotations?.[roleArnAnnotation]) return;
    const setter = object.metadata.managedFields?.find((entry) =>
      JSON.stringify(entry.fieldsV1 ?? {}).includes(`f:${roleArnAnnotation}`),
    )?.manager;
    if (setter !== fieldManager) {
      disturbedAt.set(key, time.now());
      return;
    }
    const name = carried?.split('/').at(-1) ?? '';
    const roles = recent(rolePasts, name, aws.roles.get(name), unawareMs + driftIntervalMs);
    const account = object.metadata.name;
    if (!roles.some((role) => role && taggedOwner(role.tags)?.account === account))
      say('link before role', `${key} was given ${carried}, which is no role of ours`);
  }

  function judgePod({ metadata, spec }: Change['object'] & { spec?: unknown }): void {
    const pod = spec as Parameters<typeof holds>[0];
    const { serviceAccountName = 'default' } = pod;
    if (metadata.annotations?.[identityAnnotation] === undefined) return;
    const hasOne = holds(pod, roleEnv) || holds(pod, podIdentityEnv);
    const account = `serviceaccounts ${metadata.namespace}/${serviceAccountName}`;
    if (hasOne || !simulation.workloads.webhookRuns || wasDisturbed(account, unawareMs)) return;
    say(
      'pod without identity',
      `${metadata.namespace}/${metadata.name} came up without the role of ${serviceAccountName}`,
    );
  }

  /** While the webhook would not give new pods their identity, the operator writes no Deployment that creates pods. */
  function judgeDeployment({ type, object, before }: Change): void {
    const awaySince = simulation.workloads.webhookAwaySince ?? Infinity;
    if (!isOperatorsWrite || type === 'DELETED' || awaySince > time.now() - unawareMs) return;
    const { replicas = 1, template } = (object as DeploymentObject).spec;
    const earlier = (before as DeploymentObject | undefined)?.spec;
    if (template.metadata?.annotations?.[identityAnnotation] === undefined || replicas === 0) return;
    const isSame = JSON.stringify(template) === JSON.stringify(earlier?.template);
    if (!isSame || replicas > (earlier?.replicas ?? 1))
      say(
        'pod without identity',
        `${keyOf(resources.deployments, object)} was written while no new pod got its identity`,
      );
  }

  function judgeAccount({ type, object, before }: Change): void {
    const { name, finalizers = [] } = object.metadata;
    const isReleased =
      before?.metadata.finalizers?.includes(accountFinalizer) === true &&
      (type === 'DELETED' || !finalizers.includes(accountFinalizer));
    if (isReleased && isOperatorsWrite) judgeRelease(name);
    const account = object as unknown as LinkedServiceAccount;
    const previous = before as unknown as LinkedServiceAccount | undefined;
    if (type === 'DELETED' || JSON.stringify(account.status) === JSON.stringify(previous?.status)) return;
    if (account.metadata.deletionTimestamp === undefined) judgeStatus(account);
  }

  function judgeRelease(name: string): void {
    for (const role of aws.roles.values())
      if (taggedOwner(role.tags)?.account === name && !isOfOtherIssuer(role))
        say('orphan', `the account ${name} was let go while the role ${role.name} is there`);
    for (const { namespace, serviceAccount, tags } of aws.eks.associations.values())
      if (taggedOwner(tags)?.account === name)
        say('orphan', `the account ${name} was let go while ${namespace}/${serviceAccount} is associated`);
    for (const { metadata } of server.list(resources.serviceAccounts)) {
      const home = server.get(resources.namespaces, metadata.namespace ?? '');
      if (
        metadata.name === name &&
        metadata.labels?.[accountLabel] === name &&
        metadata.annotations?.[createdAnnotation] !== undefined &&
        home?.metadata.deletionTimestamp === undefined
      )
        say('orphan', `the account ${name} was let go while ${metadata.namespace}/${name} is linked`);
    }
  }

  /** A status that reports `Ready` for a generation must be true for that generation at the time of the write. */
  function judgeStatus({ metadata, status }: LinkedServiceAccount): void {
    const { name } = metadata;
    if (findCondition(status?.conditions, 'Ready')?.status !== 'True') return;
    const spec = (pasts.get(`${linkedServiceAccounts.plural} /${name}`) ?? [])
      .map(({ value }) => value as unknown as LinkedServiceAccount | undefined)
      .findLast(
        (past) =>
          past?.metadata.uid === metadata.uid && past?.metadata.generation === status?.observedGeneration,
      )?.spec;
    const role = aws.roles.get((status?.roleArn ?? '').split('/').at(-1) ?? '');
    // Drift is detected within an interval, and is reported within the time that the operator needs to react.
    const slackMs = unawareMs + 2 * driftIntervalMs;
    if (wasDisturbed(`role ${role?.name ?? (status?.roleArn ?? '').split('/').at(-1)}`, slackMs)) return;
    const claim = `${name} is told to be Ready at generation ${status?.observedGeneration}`;
    if (!spec) return say('status truth', `${claim}, which this object never had`);
    if (!role || taggedOwner(role.tags)?.account !== name)
      return say('status truth', `${claim}, though it has no role`);
    if (isInherited(role.name, slackMs)) return;
    const wanted = [...listedArns(spec.aws)].sort().join(' ');
    if ([...role.attachedPolicyArns].sort().join(' ') !== wanted)
      say('status truth', `${claim}, but its role has other policies: ${role.attachedPolicyArns.join(', ')}`);
    const written = sidsOf(role.inlinePolicy);
    if (written !== (spec.aws.statements ?? []).map(({ sid }) => sid).join(' '))
      say('status truth', `${claim}, but its role has other statements: ${written}`);
    for (const { name: target, proven, identityMode } of status?.targets ?? []) {
      if (
        wasDisturbed(`serviceaccounts ${target}/${name}`, slackMs) ||
        wasDisturbed(`namespaces /${target}`, slackMs)
      )
        continue;
      const association = aws.eks.associationOf(target, name);
      const isTrusted =
        identityMode === 'PodIdentity'
          ? association !== undefined && trustsPods(role.trustPolicy, association)
          : subjectsOf(role).includes(`system:serviceaccount:${target}:${name}`);
      if (proven && !isTrusted)
        say('status truth', `${claim} and proven in ${target}, which its role does not trust`);
      if (
        proven &&
        identityMode !== 'PodIdentity' &&
        !proofs.has(proofOf(role, `system:serviceaccount:${target}:${name}`))
      )
        say('proof', `${claim} and proven in ${target}, where no token was exchanged`);
    }
  }

  return { violations };
}

/** Environment variables that the webhook adds to a pod, one for each identity mode. */
const roleEnv = 'AWS_ROLE_ARN';
const podIdentityEnv = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';

/** Whether the webhook has added this variable to the pod. */
function holds(
  {
    containers = [],
  }: {
    readonly serviceAccountName?: string;
    readonly containers?: readonly { readonly env?: readonly { readonly name: string }[] }[];
  },
  variable: string,
): boolean {
  return containers.some(({ env }) => env?.some(({ name }) => name === variable));
}

function subjectsOf(role: ObservedRole | undefined): readonly string[] {
  const { Statement: statements = [] } = JSON.parse(role?.trustPolicy ?? '{}') as {
    Statement?: readonly {
      Effect: string;
      Condition?: { StringEquals?: Record<string, string | string[]> };
    }[];
  };
  return statements.flatMap(({ Effect, Condition }) =>
    Effect === 'Allow'
      ? [Condition?.StringEquals?.[`${issuer.replace('https://', '')}:sub`] ?? []].flat()
      : [],
  );
}

/** Returns the Sids of the statements in an inline policy. */
function sidsOf(document: string | undefined): string {
  const { Statement: statements = [] } = JSON.parse(document ?? '{}') as {
    readonly Statement?: readonly { readonly Sid?: string }[];
  };
  return statements.map(({ Sid: sid }) => sid).join(' ');
}
