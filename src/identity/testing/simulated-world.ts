/**
 * Simulation of IAM roles, associations, ServiceAccounts and namespaces as plain data. Unit tests execute the steps of plans in
 * the simulation, without a server. The tests in test/ check the same behaviour with servers.
 */
import type { IdentityMode, LinkedServiceAccount, LinkedServiceAccountSpec } from '../../api/index.ts';
import { planAccount, type AccountPlan } from '../plan/account.ts';
import { proofsFromStatus } from '../plan/proofs.ts';
import { accountAfter, isFinalizerStep } from '../steps/account.ts';
import {
  associationAfter,
  cachedAssociationAfter,
  isAssociationStep,
  type AssociationStep,
} from '../steps/association.ts';
import { settledFailures, stepKey } from '../steps/index.ts';
import { proofsAfter } from '../steps/proof.ts';
import { cachedRoleAfter, isRoleStep, roleAfter } from '../steps/role.ts';
import { isServiceAccountStep, serviceAccountAfter } from '../steps/service-account.ts';
import type { Step } from '../steps/step.ts';
import { subjectOf } from '../desired/trust.ts';
import type { IdentityErrorCode } from '../state/errors.ts';
import type {
  AccountWorld,
  CachedAssociation,
  ClusterFacts,
  HeldIdentities,
  ObservedAssociation,
  ObservedQuarantine,
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
  allowsStatements: false,
  region: 'us-west-2',
  strictInline: false,
  proofIntervalMs: 21_600_000,
  quotas: { policiesPerRole: 10, trustPolicySize: 2048 },
};

export const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
export const fullAccess = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';

/** Pod with the identity that it got at its creation. */
export type SimulatedPod = {
  readonly name: string;
  readonly holds: { readonly mode: IdentityMode; readonly roleArn: string } | undefined;
  readonly createdAt: Wall;
  /** Whether the pod runs on Fargate, where no Pod Identity agent serves it. */
  readonly onFargate?: true;
  /**
   * Name of the pod's node; if absent, a Pod Identity agent serves the pod. The operator has not read nodes that
   * `SimulatedWorld.agents` lacks.
   */
  readonly node?: string;
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
  admittedSince?: Wall;
  account: LinkedServiceAccount;
  facts: ClusterFacts;
  quarantines: readonly ObservedQuarantine[];
  readonly roles: Map<string, ObservedRole>;
  readonly cachedRoles: Map<string, CachedRole>;
  /** Associations by namespace, for ServiceAccounts of the account's name. */
  readonly associations: Map<string, ObservedAssociation>;
  readonly cachedAssociations: Map<string, CachedAssociation>;
  readonly namespaces: Map<string, Namespace>;
  /** Whether a Pod Identity agent serves a node, by the name of the node. A node without an entry was not read. */
  readonly agents: Map<string, boolean>;
  /** Names of nodes that belong to EKS Auto Mode, as `ReadNode` finds out. */
  readonly autoNodes: Set<string>;
  /** Running pods that hold the role to be adopted. */
  holders: readonly RoleHolder[];
  readonly failures: Map<string, StepFailure>;
  readonly proofs: Map<string, ProofRecord>;
  readonly lastSynced: Map<string, LastSyncedRole>;
  /** ARNs of policies that do not exist in IAM. */
  readonly missingPolicies: Set<string>;
  /** Every executed or refused step, in order. */
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
    quarantines: [],
    roles: new Map(),
    cachedRoles: new Map(),
    associations: new Map(),
    cachedAssociations: new Map(),
    namespaces: new Map(facts.targets.map((target) => [target, { state: 'present', users: [] }])),
    agents: new Map(),
    autoNodes: new Set(),
    holders: [],
    failures: new Map(),
    proofs: new Map(),
    lastSynced: new Map(),
    missingPolicies: new Set(),
    journal: [],
    gone: false,
  };
}

/** Restarts the operator: its proofs are lost, except those in the account's status. */
export function restart(world: SimulatedWorld): void {
  world.proofs.clear();
  for (const [slot, record] of proofsFromStatus(world.account, world.now)) world.proofs.set(slot, record);
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
    quarantines: world.quarantines,
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
        held: heldBy(namespace?.pods ?? [], world.agents),
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

function heldBy(pods: readonly SimulatedPod[], agents: ReadonlyMap<string, boolean>): HeldIdentities {
  const of = (mode: IdentityMode): readonly SimulatedPod[] =>
    pods.filter(({ holds }) => holds?.mode === mode);
  /** Whether an agent serves the pod; undefined if the node has to be read first. */
  const hasAgent = ({ onFargate, node }: SimulatedPod): boolean | undefined =>
    onFargate ? false : node === undefined ? true : agents.get(node);
  const [first] = of('PodIdentity').filter(hasAgent);
  const unread = of('PodIdentity').filter((pod) => hasAgent(pod) === undefined);
  return {
    roleArns: [...new Set(of('IRSA').map(({ holds }) => holds?.roleArn ?? ''))],
    podIdentity: of('PodIdentity').length,
    withoutAgent: of('PodIdentity')
      .filter((pod) => hasAgent(pod) === false)
      .map(({ name, node }) => ({
        pod: name,
        ...(node === undefined ? { computeType: 'fargate' } : { node }),
      })),
    unreadNodes: [...new Set(unread.flatMap(({ node = [] }) => node))],
    replacedByRole: of('IRSA').length,
    byPod: pods.flatMap(({ name, holds, createdAt }) =>
      holds ? [{ pod: name, uid: name, createdAt, hasWebIdentity: holds.mode === 'IRSA' }] : [],
    ),
    ...(first ? { exchangePod: { name: first.name, uid: first.name } } : {}),
  };
}

/** Creates a pod with the identity that the webhook gives it. */
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
  namespace.pods = [
    ...(namespace.pods ?? []),
    { name: `pod-${(serial += 1)}`, holds, createdAt: world.now as Wall },
  ];
}

/** Whether the pod can get credentials now, in the identity mode (IRSA or Pod Identity) that it started with. */
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

/** Whether a trust policy admits pods of the target's ServiceAccount. */
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

/** Plans and executes until no step is left, and writes the status, as the operator does. */
export function settle(world: SimulatedWorld, options: { passes?: number } = {}): AccountPlan {
  for (let pass = 0; pass < (options.passes ?? 40); pass += 1) {
    const plan = planAccount(observe(world));
    if (plan.steps.length === 0 || plan.drift.length > 0)
      world.account = { ...world.account, status: plan.status };
    if (plan.steps.length === 0)
      for (const synced of plan.lastSynced) world.lastSynced.set(synced.spec.name, synced);
    if (plan.steps.length === 0 || world.gone) return plan;
    for (const step of plan.steps) applyStep(world, step);
  }
  throw new Error(
    `it does not settle: ${JSON.stringify(world.journal.slice(-10).map((entry) => [entry.step.kind, entry.refused]))}`,
  );
}

/** Advances the time to the next planned reconcile. */
export function waitFor(world: SimulatedWorld, plan: AccountPlan): void {
  if (plan.requeueAt !== undefined) world.now = Math.max(world.now, plan.requeueAt);
}

/**
 * Lists all roles and associations. Writes those that have changed into the operator's caches, with the source `list`.
 */
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

/**
 * Reads one association whose details are unread, because listings omit details. The operator does this after every
 * listing except the first.
 */
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
  const refused = refusalOf(world, step);
  world.journal.push({ step, ...(refused ? { refused } : {}) });
  const changed = proofsAfter(step, refused ? 'failed' : 'applied', world.proofs, world.now as Monotonic);
  for (const [slot, record] of changed) world.proofs.set(slot, record);
  if (!refused) {
    for (const key of settledFailures(step, true)) world.failures.delete(key);
    perform(world, step);
    return;
  }
  if (refused === 'RoleNotFound' && isRoleStep(step))
    world.cachedRoles.set(step.role, { role: null, source: 'read' });
  if (isAssociationStep(step)) observeRefused(world, step);
  const key = stepKey(step);
  world.failures.set(key, {
    code: refused,
    message: `refused: ${refused}`,
    at: world.now,
    attempts: (world.failures.get(key)?.attempts ?? 0) + 1,
    retryAt: world.now + 1000,
  });
}

/** Error of AWS, the API server or the token exchange for a step; undefined if it succeeds. */
function refusalOf(world: SimulatedWorld, step: Step): IdentityErrorCode | undefined {
  const { name } = world.account.metadata;
  const association = 'target' in step ? world.associations.get(step.target) : undefined;
  const roleOfArn = (arn: string): ObservedRole | undefined =>
    [...world.roles.values()].find((role) => role.arn === arn);
  switch (step.kind) {
    case 'AddFinalizer':
    case 'RemoveFinalizer':
    case 'ReadRole':
    case 'LinkServiceAccount':
    case 'UnlinkServiceAccount':
    case 'DeleteServiceAccount':
    case 'ReadAssociation':
    case 'ReadNode':
    case 'DeleteAssociation':
      return undefined;
    case 'CreateRole':
      return world.roles.has(step.role) ? 'RoleAlreadyExists' : undefined;
    case 'DeleteRole': {
      const { attachedPolicyArns = [], inlinePolicyNames = [] } = world.roles.get(step.role) ?? {};
      return attachedPolicyArns.length + inlinePolicyNames.length > 0 ? 'DeleteConflict' : undefined;
    }
    case 'AttachPolicy': {
      if (world.missingPolicies.has(step.policyArn)) return 'PolicyNotFound';
      const role = world.roles.get(step.role);
      if (!role) return 'RoleNotFound';
      return role.attachedPolicyArns.length >= world.facts.quotas.policiesPerRole
        ? 'QuotaExceeded'
        : undefined;
    }
    case 'PutInlinePolicy':
    case 'PutPodDenial': {
      const role = world.roles.get(step.role);
      if (!role) return 'RoleNotFound';
      // The operator's IAM policy permits this write only on roles with a permissions boundary.
      return role.permissionsBoundaryArn === undefined ? 'AccessDenied' : undefined;
    }
    case 'DetachPolicy':
    case 'DeleteInlinePolicy':
    case 'DeletePodDenial':
    case 'UpdateTrustPolicy':
    case 'PutPermissionsBoundary':
    case 'DeletePermissionsBoundary':
    case 'UpdateRole':
    case 'TagRole':
    case 'UntagRole':
      return world.roles.has(step.role) ? undefined : 'RoleNotFound';
    case 'CreateServiceAccount':
      return world.namespaces.get(step.target)?.serviceAccount ? 'KubernetesConflict' : undefined;
    case 'ProveIdentity': {
      const role = roleOfArn(step.roleArn);
      if (!role) return 'AssumeRoleDenied';
      if (step.pod && !association?.details) return 'AssociationNotFound';
      if (step.pod && association?.details?.roleArn !== step.roleArn) return 'NotInEffect';
      const mode = step.pod ? 'PodIdentity' : 'IRSA';
      return admits(role.trustPolicy, mode, step.target, name) ? undefined : 'AssumeRoleDenied';
    }
    case 'CreateAssociation': {
      const role = roleOfArn(step.roleArn);
      if (!role || !admits(role.trustPolicy, 'PodIdentity', step.target, name)) return 'RoleNotAccepted';
      return association ? 'AssociationExists' : undefined;
    }
    case 'UpdateAssociation':
    case 'TagAssociation':
      return association?.id === step.association.id && association.details
        ? undefined
        : 'AssociationNotFound';
    case 'ConfirmAssociation': {
      if (association?.id !== step.association?.id)
        return association ? 'NotInEffect' : 'AssociationNotFound';
      const annotated = world.namespaces.get(step.target)?.serviceAccount?.roleArn;
      if (step.mode === 'IRSA' && annotated !== step.roleArn) return 'NotInEffect';
      const role = world.roles.get(step.role);
      return role && admits(role.trustPolicy, step.mode, step.target, name) ? undefined : 'NotInEffect';
    }
  }
}

/**
 * Updates the cache after a refused step. A refused write makes the state of the association unknown.
 * ConfirmAssociation reads the association before it is refused, so the cache gets the association that exists.
 */
function observeRefused(world: SimulatedWorld, step: AssociationStep): void {
  const association = world.associations.get(step.target) ?? null;
  if (step.kind === 'UpdateAssociation' || step.kind === 'TagAssociation')
    world.cachedAssociations.delete(step.target);
  if (step.kind === 'ConfirmAssociation' && association?.id !== step.association?.id)
    world.cachedAssociations.set(step.target, { association, source: 'read' });
}

/** Applies the effect of the step to the simulated objects and to the operator's caches. */
function perform(world: SimulatedWorld, step: Step): void {
  const { account, now } = world;
  const { name } = account.metadata;
  if (isFinalizerStep(step)) {
    world.account = accountAfter(step, account);
    world.gone ||= step.kind === 'RemoveFinalizer' && account.metadata.deletionTimestamp !== undefined;
  } else if (isRoleStep(step)) {
    const role = world.roles.get(step.role) ?? null;
    const { readAgainAt: _, ...before } = world.cachedRoles.get(step.role) ?? { role: null, source: 'list' };
    if (step.kind === 'ReadRole') {
      world.cachedRoles.set(step.role, { ...before, role, source: 'read' });
      return;
    }
    const id = step.kind === 'CreateRole' ? `AROA${(serial += 1)}` : '';
    const created = { id, arn: `arn:aws:iam::123456789012:role${world.facts.rolePath}${step.role}` };
    const next = roleAfter(step, role, created);
    if (next) world.roles.set(step.role, next);
    else world.roles.delete(step.role);
    world.cachedRoles.set(
      step.role,
      cachedRoleAfter(step, world.cachedRoles.get(step.role), now as Monotonic, created),
    );
  } else if (isServiceAccountStep(step)) {
    const namespace = world.namespaces.get(step.target);
    if (!namespace) throw new Error(`a write into the missing namespace ${step.target}`);
    const { serviceAccount: _, ...rest } = namespace;
    const uid = step.kind === 'CreateServiceAccount' ? `sa-${(serial += 1)}` : '';
    const serviceAccount = serviceAccountAfter(step, name, { uid, resourceVersion: '1' });
    world.namespaces.set(step.target, serviceAccount ? { ...rest, serviceAccount } : rest);
  } else if (isAssociationStep(step)) performOnAssociation(world, step);
  else if (step.kind === 'ReadNode') world.agents.set(step.node, world.autoNodes.has(step.node));
}

function performOnAssociation(world: SimulatedWorld, step: AssociationStep): void {
  const before = world.associations.get(step.target) ?? null;
  if (step.kind === 'ReadAssociation' || step.kind === 'ConfirmAssociation') {
    world.cachedAssociations.set(step.target, { association: before, source: 'read' });
    return;
  }
  const id = step.kind === 'CreateAssociation' ? `a-${(serial += 1)}` : '';
  const created = { id, arn: `arn:aws:eks:us-west-2:123456789012:podidentityassociation/main/${id}` };
  const next = associationAfter(step, world.account.metadata.name, created);
  if (next) world.associations.set(step.target, next);
  else if (step.kind === 'DeleteAssociation' && before?.id === step.association.id)
    world.associations.delete(step.target);
  const cached = cachedAssociationAfter(step, world.cachedAssociations.get(step.target), next);
  world.cachedAssociations.set(step.target, cached);
}
