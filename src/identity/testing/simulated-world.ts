/**
 * A world small enough to hold in a hand: IAM roles, ServiceAccounts and namespaces as plain data, and steps carried out on
 * them. It lets tests ask what a plan does without a server; the real ones are held to the same in test/.
 */
import type { IdentityMode, LinkedServiceAccount, LinkedServiceAccountSpec } from '../../api/index.ts';
import { accountFinalizer } from '../../api/index.ts';
import { accountLabelValue } from '../desired/names.ts';
import { planAccount, type AccountPlan } from '../plan/account.ts';
import { carriedProofs, outdatedProofs, proofRecord, proofSlotOf } from '../plan/proofs.ts';
import { stepKey, type Step } from '../steps/step.ts';
import { onlyAddsTags, withoutTags, withTags } from '../desired/tags.ts';
import { subjectOf } from '../desired/trust.ts';
import type { IdentityErrorCode } from '../state/errors.ts';
import type {
  AccountWorld,
  CachedAssociation,
  ClusterFacts,
  HeldIdentities,
  ObservedAssociation,
  ObservedRole,
  ObservedServiceAccount,
  ProofRecord,
  LastSyncedRole,
  CachedRole,
  RoleHolder,
  StepFailure,
  TargetObservation,
} from '../state/world.ts';
import type { Monotonic, Wall } from '../../k8s/time.ts';

export const facts: ClusterFacts = {
  name: 'main',
  configName: 'main',
  clusterArn: 'arn:aws:eks:us-west-2:123456789012:cluster/main',
  accountId: '123456789012',
  partition: 'aws',
  issuer: 'https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE',
  providerArn: 'arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE',
  rolePath: '/konstellation/',
  identityMode: 'IRSA',
  targets: ['production', 'staging'],
  tags: {},
  detachesDisallowed: false,
  strictInline: false,
  quotas: { policiesPerRole: 10, trustPolicySize: 2048 },
};

export const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
export const fullAccess = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';

/** What a pod was given when it was made. */
export type SimulatedPod = {
  readonly name: string;
  readonly holds: { readonly mode: IdentityMode; readonly roleArn: string } | undefined;
};

type Namespace = {
  state: TargetObservation['namespace'];
  serviceAccount?: ObservedServiceAccount;
  users: string[];
  pods?: SimulatedPod[];
};

export type SimulatedWorld = {
  now: number;
  /** See `AccountWorld`. */
  admittedSince?: number;
  account: LinkedServiceAccount;
  facts: ClusterFacts;
  readonly roles: Map<string, ObservedRole>;
  readonly cachedRoles: Map<string, CachedRole>;
  /** By namespace, of ServiceAccounts of the account's name. */
  readonly associations: Map<string, ObservedAssociation>;
  readonly cachedAssociations: Map<string, CachedAssociation>;
  readonly namespaces: Map<string, Namespace>;
  /** Pods that hold the role which is to be adopted. */
  holders: readonly RoleHolder[];
  readonly failures: Map<string, StepFailure>;
  readonly proofs: Map<string, ProofRecord>;
  readonly lastSynced: Map<string, LastSyncedRole>;
  /** Policies that IAM does not know. */
  readonly missingPolicies: Set<string>;
  /** Every step that was carried out or refused, in order. */
  readonly journal: { step: Step; refused?: IdentityErrorCode }[];
  gone: boolean;
};

export function createWorld(
  spec: Partial<LinkedServiceAccountSpec> = {},
  name = 'myaccount',
): SimulatedWorld {
  const now = Date.parse('2026-01-01T00:00:00Z');
  return {
    now,
    account: {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'LinkedServiceAccount',
      metadata: { name, uid: 'uid-1', generation: 1 },
      spec: { aws: { policyArns: [readOnly] }, deletionPolicy: 'Delete', ...spec },
    },
    facts,
    roles: new Map(),
    cachedRoles: new Map(),
    associations: new Map(),
    cachedAssociations: new Map(),
    namespaces: new Map(facts.targets.map((target) => [target, { state: 'present', users: [] }])),
    holders: [],
    failures: new Map(),
    proofs: new Map(),
    lastSynced: new Map(),
    missingPolicies: new Set(),
    journal: [],
    gone: false,
  };
}

/** The operator starts anew, and knows of proofs what the status says. */
export function restart(world: SimulatedWorld): void {
  world.proofs.clear();
  for (const [slot, record] of carriedProofs(world.account, world.now)) world.proofs.set(slot, record);
}

export function observe(world: SimulatedWorld): AccountWorld {
  const names = new Set([
    ...world.facts.targets,
    ...(world.account.spec.targets ?? []),
    ...world.namespaces.keys(),
  ]);
  return {
    now: world.now as Monotonic,
    date: world.now as Wall,
    account: world.account,
    ...(world.admittedSince === undefined ? {} : { admittedSince: world.admittedSince }),
    cluster: { ok: true, facts: world.facts },
    targets: [...names].map((name): TargetObservation => {
      const namespace = world.namespaces.get(name);
      return {
        name,
        namespace: namespace?.state ?? 'missing',
        ...(namespace?.serviceAccount ? { serviceAccount: namespace.serviceAccount } : {}),
        users: [...(namespace?.users ?? []), ...(namespace?.pods ?? []).map((pod) => pod.name)].map(
          (pod) => ({
            pod,
          }),
        ),
        pods: { current: 0, stale: 0, uninjected: 0 },
        held: heldBy(namespace?.pods ?? []),
      };
    }),
    roles: world.cachedRoles,
    associations: world.cachedAssociations,
    holders: world.holders,
    failures: world.failures,
    proofs: world.proofs,
    lastSynced: world.lastSynced,
  };
}

function heldBy(pods: readonly SimulatedPod[]): HeldIdentities {
  const of = (mode: IdentityMode): readonly SimulatedPod[] =>
    pods.filter(({ holds }) => holds?.mode === mode);
  const [first] = of('PodIdentity');
  return {
    roleArns: [...new Set(of('IRSA').map(({ holds }) => holds?.roleArn ?? ''))],
    podIdentity: of('PodIdentity').length,
    replacedByRole: of('IRSA').length,
    ...(first ? { exchangePod: { name: first.name, uid: first.name } } : {}),
  };
}

/** A pod is made, and gets what the webhook gives it. */
export function makePod(world: SimulatedWorld, target: string): void {
  const namespace = world.namespaces.get(target);
  if (!namespace?.serviceAccount) return;
  const association = world.associations.get(target);
  const annotated = namespace.serviceAccount.roleArn;
  const holds: SimulatedPod['holds'] = association
    ? { mode: 'PodIdentity', roleArn: association.details?.roleArn ?? '' }
    : annotated === undefined
      ? undefined
      : { mode: 'IRSA', roleArn: annotated };
  namespace.pods = [...(namespace.pods ?? []), { name: `pod-${(serial += 1)}`, holds }];
}

/** Whether the pod gets credentials now, by the mode in which it came by its identity. */
export function isServed(world: SimulatedWorld, target: string, pod: SimulatedPod): boolean {
  const { holds } = pod;
  const role = [...world.roles.values()].find((candidate) => candidate.arn === holds?.roleArn);
  if (!holds || !role) return false;
  if (holds.mode === 'PodIdentity' && world.associations.get(target)?.details?.roleArn !== role.arn)
    return false;
  return admits(role.trustPolicy, holds.mode, target, world.account.metadata.name);
}

type Statement = {
  readonly Effect: string;
  readonly Principal: unknown;
  readonly Condition?: { readonly StringEquals?: Readonly<Record<string, string | readonly string[]>> };
};

/** Whether a trust policy lets pods of the target's ServiceAccount in. */
export function admits(document: string, mode: IdentityMode, target: string, account: string): boolean {
  const { Statement: statements = [] } = JSON.parse(document) as {
    readonly Statement?: readonly Statement[];
  };
  return statements.some(({ Effect: effect, Principal: principal, Condition: condition }) => {
    const values = Object.entries(condition?.StringEquals ?? {});
    const valueOf = (key: string): readonly string[] =>
      [values.find(([name]) => name.endsWith(key))?.[1] ?? []].flat();
    const isOfMode = JSON.stringify(principal).includes('"Service"') === (mode === 'PodIdentity');
    return (
      effect === 'Allow' &&
      isOfMode &&
      (mode === 'IRSA'
        ? valueOf(':sub').includes(subjectOf(target, account))
        : valueOf('/kubernetes-namespace').includes(target) &&
          valueOf('/kubernetes-service-account').includes(account) &&
          valueOf('aws:SourceArn').includes(facts.clusterArn))
    );
  });
}

/** Plans and carries out until nothing is left to do, and writes the status as the operator would. */
export function settle(world: SimulatedWorld, options: { passes?: number } = {}): AccountPlan {
  for (let pass = 0; pass < (options.passes ?? 40); pass += 1) {
    const plan = planAccount(observe(world));
    if (plan.steps.length === 0 || plan.drift.length > 0)
      world.account = { ...world.account, status: plan.status };
    if (plan.steps.length === 0) for (const aim of plan.lastSynced) world.lastSynced.set(aim.spec.name, aim);
    if (plan.steps.length === 0 || world.gone) return plan;
    for (const step of plan.steps) applyStep(world, step);
  }
  throw new Error(
    `it does not settle: ${JSON.stringify(world.journal.slice(-10).map((entry) => [entry.step.kind, entry.refused]))}`,
  );
}

/** Lets the time pass until the next look is due. */
export function waitFor(world: SimulatedWorld, plan: AccountPlan): void {
  if (plan.requeueAt !== undefined) world.now = Math.max(world.now, plan.requeueAt);
}

/** The operator asks IAM for all roles and EKS for all associations: what it believes becomes what is, as hearsay. */
export function resync(world: SimulatedWorld): void {
  for (const target of new Set([...world.associations.keys(), ...world.cachedAssociations.keys()])) {
    const association = world.associations.get(target);
    const before = world.cachedAssociations.get(target);
    if (association && before?.association?.id === association.id) continue;
    if (!association && before && before.association === null) continue;
    const { details: _, ...listed } = association ?? { details: undefined };
    world.cachedAssociations.set(target, {
      association: association ? (listed as ObservedAssociation) : null,
      source: 'list',
    });
  }
  for (const name of new Set([...world.roles.keys(), ...world.cachedRoles.keys()])) {
    const role = world.roles.get(name) ?? null;
    const before = world.cachedRoles.get(name);
    if (JSON.stringify(before?.role ?? null) !== JSON.stringify(role))
      world.cachedRoles.set(name, { ...before, role, source: 'list' });
  }
}

/** After a listing that is not the first, the operator asks for one association by itself: a listing leaves out what it does. */
export function readUnreadAssociation(world: SimulatedWorld): void {
  for (const [target, { association }] of world.cachedAssociations) {
    if (!association || association.details) continue;
    world.cachedAssociations.set(target, {
      association: world.associations.get(target) ?? null,
      source: 'read',
    });
    return;
  }
}

export function edit(world: SimulatedWorld, spec: Partial<LinkedServiceAccountSpec>): void {
  const { metadata } = world.account;
  world.account = {
    ...world.account,
    spec: { ...world.account.spec, ...spec },
    metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 },
  };
  world.failures.clear();
}

export function requestDeletion(world: SimulatedWorld): void {
  world.account = {
    ...world.account,
    metadata: { ...world.account.metadata, deletionTimestamp: new Date(world.now).toISOString() },
  };
}

let serial = 0;

export function applyStep(world: SimulatedWorld, step: Step): void {
  const refused = perform(world, step);
  world.journal.push({ step, ...(refused ? { refused } : {}) });
  const key = stepKey(step);
  if (!refused) {
    world.failures.delete(key);
    if (step.kind === 'ProveIdentity' || step.kind === 'ConfirmAssociation')
      world.proofs.set(proofSlotOf(step), proofRecord(step, world.now));
    if (step.kind === 'UpdateTrustPolicy')
      for (const slot of outdatedProofs(world.proofs, step.role))
        world.proofs.set(slot, { key: '', at: world.now });
    if (step.kind === 'ReadAssociation' || step.kind === 'DeleteAssociation')
      world.failures.delete(`CreateAssociation ${step.target}`);
    if (step.kind === 'ReadRole' || step.kind === 'DeleteRole')
      world.failures.delete(`CreateRole ${step.role}`);
    return;
  }
  const attempts = (world.failures.get(key)?.attempts ?? 0) + 1;
  world.failures.set(key, {
    code: refused,
    message: `refused: ${refused}`,
    at: world.now,
    attempts,
    retryAt: world.now + 1000,
  });
  if (step.kind === 'ProveIdentity' || step.kind === 'ConfirmAssociation')
    world.proofs.set(proofSlotOf(step), { key: '', at: world.now });
}

function perform(world: SimulatedWorld, step: Step): IdentityErrorCode | undefined {
  const { metadata } = world.account;
  const change = (
    name: string,
    to: (role: ObservedRole) => ObservedRole,
    trust = false,
  ): IdentityErrorCode | undefined => {
    const role = world.roles.get(name);
    if (!role) {
      world.cachedRoles.set(name, { role: null, source: 'read' });
      return 'RoleNotFound';
    }
    const next = to(role);
    world.roles.set(name, next);
    const before = world.cachedRoles.get(name);
    world.cachedRoles.set(name, {
      ...before,
      role: before?.role ? to(before.role) : next,
      source: 'write',
      ...(trust ? { trustWrittenAt: world.now } : {}),
    });
    return undefined;
  };
  const link = (target: string, serviceAccount: ObservedServiceAccount | undefined): undefined => {
    const namespace = world.namespaces.get(target);
    if (!namespace) throw new Error(`a write into the missing namespace ${target}`);
    const { serviceAccount: _, ...rest } = namespace;
    world.namespaces.set(target, serviceAccount ? { ...rest, serviceAccount } : rest);
    return undefined;
  };
  switch (step.kind) {
    case 'AddFinalizer':
      world.account = { ...world.account, metadata: { ...metadata, finalizers: [accountFinalizer] } };
      return undefined;
    case 'RemoveFinalizer':
      world.account = { ...world.account, metadata: { ...metadata, finalizers: [] } };
      world.gone = metadata.deletionTimestamp !== undefined;
      return undefined;
    case 'ReadRole': {
      const { readAgainAt: _, ...before } = world.cachedRoles.get(step.role) ?? {};
      world.cachedRoles.set(step.role, {
        ...before,
        role: world.roles.get(step.role) ?? null,
        source: 'read',
      });
      return undefined;
    }
    case 'CreateRole': {
      if (world.roles.has(step.role)) return 'RoleAlreadyExists';
      const { name, path, trustPolicy, maxSessionDuration, tags, permissionsBoundaryArn } = step.spec;
      const role: ObservedRole = {
        name,
        path,
        trustPolicy,
        maxSessionDuration,
        tags,
        arn: `arn:aws:iam::123456789012:role${path}${name}`,
        id: `AROA${(serial += 1)}`,
        attachedPolicyArns: [],
        inlinePolicyNames: [],
        ...(permissionsBoundaryArn === undefined ? {} : { permissionsBoundaryArn }),
      };
      world.roles.set(name, role);
      world.cachedRoles.set(name, { role, source: 'write', trustWrittenAt: world.now });
      return undefined;
    }
    case 'DeleteRole': {
      const role = world.roles.get(step.role);
      if (role && role.attachedPolicyArns.length + role.inlinePolicyNames.length > 0) return 'DeleteConflict';
      world.roles.delete(step.role);
      world.cachedRoles.set(step.role, { role: null, source: 'write' });
      return undefined;
    }
    case 'UpdateTrustPolicy':
      return change(step.role, (role) => ({ ...role, trustPolicy: step.trustPolicy }), true);
    case 'AttachPolicy':
      if (world.missingPolicies.has(step.policyArn)) return 'PolicyNotFound';
      if ((world.roles.get(step.role)?.attachedPolicyArns.length ?? 0) >= world.facts.quotas.policiesPerRole)
        return 'QuotaExceeded';
      return change(step.role, (role) => ({
        ...role,
        attachedPolicyArns: [...new Set([...role.attachedPolicyArns, step.policyArn])],
      }));
    case 'DetachPolicy':
      return change(step.role, (role) => ({
        ...role,
        attachedPolicyArns: role.attachedPolicyArns.filter((arn) => arn !== step.policyArn),
      }));
    case 'DeleteInlinePolicy':
      return change(step.role, (role) => ({
        ...role,
        inlinePolicyNames: role.inlinePolicyNames.filter((name) => name !== step.policyName),
      }));
    case 'PutPermissionsBoundary':
      return change(step.role, (role) => ({ ...role, permissionsBoundaryArn: step.policyArn }));
    case 'DeletePermissionsBoundary':
      return change(step.role, ({ permissionsBoundaryArn: _, ...role }) => role);
    case 'UpdateMaxSessionDuration':
      return change(step.role, (role) => ({ ...role, maxSessionDuration: step.seconds }));
    case 'TagRole':
      return change(step.role, (role) => ({ ...role, tags: withTags(role.tags, step.tags) }));
    case 'UntagRole':
      return change(step.role, (role) => ({
        ...role,
        tags: withoutTags(role.tags, step.keys),
      }));
    case 'CreateServiceAccount':
      if (world.namespaces.get(step.target)?.serviceAccount) return 'KubernetesConflict';
      return link(step.target, {
        uid: `sa-${(serial += 1)}`,
        resourceVersion: '1',
        created: true,
        account: accountLabelValue(metadata.name),
        ...(step.roleArn === undefined ? {} : { roleArn: step.roleArn, roleArnManager: 'konstellation' }),
      });
    case 'LinkServiceAccount': {
      const { roleArn: _, roleArnManager: __, ...rest } = step.serviceAccount;
      return link(step.target, {
        ...rest,
        ...(step.roleArn === undefined ? {} : { roleArn: step.roleArn, roleArnManager: 'konstellation' }),
      });
    }
    case 'UnlinkServiceAccount': {
      const { account: _, roleArn, ...rest } = step.serviceAccount;
      return link(step.target, step.keepsAnnotation && roleArn !== undefined ? { ...rest, roleArn } : rest);
    }
    case 'DeleteServiceAccount':
      return link(step.target, undefined);
    case 'ProveIdentity': {
      const role = [...world.roles.values()].find((candidate) => candidate.arn === step.roleArn);
      if (!role) return 'AssumeRoleDenied';
      if (!step.pod)
        return admits(role.trustPolicy, 'IRSA', step.target, metadata.name) ? undefined : 'AssumeRoleDenied';
      const { details } = world.associations.get(step.target) ?? {};
      if (!details) return 'AssociationNotFound';
      if (details.roleArn !== step.roleArn) return 'NotInEffect';
      return admits(role.trustPolicy, 'PodIdentity', step.target, metadata.name)
        ? undefined
        : 'AssumeRoleDenied';
    }
    case 'ReadAssociation':
      world.cachedAssociations.set(step.target, {
        association: world.associations.get(step.target) ?? null,
        source: 'read',
      });
      return undefined;
    case 'CreateAssociation': {
      const role = [...world.roles.values()].find((candidate) => candidate.arn === step.roleArn);
      if (!role || !admits(role.trustPolicy, 'PodIdentity', step.target, metadata.name))
        return 'RoleNotAccepted';
      if (world.associations.has(step.target)) return 'AssociationExists';
      return associate(world, step.target, {
        id: `a-${(serial += 1)}`,
        arn: `arn:aws:eks:us-west-2:123456789012:podidentityassociation/main/a-${serial}`,
        namespace: step.target,
        serviceAccount: metadata.name,
        details: { roleArn: step.roleArn, tags: step.tags, withoutSessionTags: false },
      });
    }
    case 'UpdateAssociation':
    case 'TagAssociation': {
      const association = world.associations.get(step.target);
      if (association?.id !== step.association.id || !association.details) {
        world.cachedAssociations.delete(step.target);
        return 'AssociationNotFound';
      }
      const { details } = association;
      const change =
        step.kind === 'UpdateAssociation'
          ? { roleArn: step.roleArn, withoutSessionTags: false }
          : { tags: { ...details.tags, ...step.tags } };
      const before = world.cachedAssociations.get(step.target);
      const changed = { ...association, details: { ...details, ...change } };
      if (
        step.kind === 'UpdateAssociation' ||
        !onlyAddsTags(details.tags, step.tags) ||
        before?.source !== 'read'
      )
        return associate(world, step.target, changed);
      world.associations.set(step.target, changed);
      world.cachedAssociations.set(step.target, { association: changed, source: 'read' });
      return undefined;
    }
    case 'DeleteAssociation':
      if (world.associations.get(step.target)?.id === step.association.id)
        world.associations.delete(step.target);
      world.cachedAssociations.set(step.target, { association: null, source: 'write' });
      return undefined;
    case 'ConfirmAssociation': {
      const association = world.associations.get(step.target);
      const role = world.roles.get(step.role);
      if (association?.id !== step.association?.id) {
        world.cachedAssociations.set(step.target, { association: association ?? null, source: 'read' });
        return association ? 'NotInEffect' : 'AssociationNotFound';
      }
      if (step.mode === 'IRSA' && world.namespaces.get(step.target)?.serviceAccount?.roleArn !== step.roleArn)
        return 'NotInEffect';
      if (!role || !admits(role.trustPolicy, step.mode, step.target, metadata.name)) return 'NotInEffect';
      world.cachedAssociations.set(step.target, { association: association ?? null, source: 'read' });
      return undefined;
    }
  }
}

function associate(world: SimulatedWorld, target: string, association: ObservedAssociation): undefined {
  world.associations.set(target, association);
  world.cachedAssociations.set(target, { association, source: 'write' });
  return undefined;
}
