/**
 * The whole way from what is to what is wanted, on paper. The planner asks for one step after the other and looks at the
 * result of each; here each step is taken for done as it was asked, until the planner asks for nothing more. Pure but for
 * looking up roles that come into play on the way.
 */
import { accountFinalizer, fieldManager } from '../../../../api/labels.ts';
import type {
  LinkedServiceAccount,
  LinkedServiceAccountStatus,
} from '../../../../api/linked-service-account.ts';
import { accountLabelValue } from '../../../../identity/desired/names.ts';
import { planAccount } from '../../../../identity/plan/account.ts';
import { roleArn } from '../../../../identity/desired/arn.ts';
import { proofSlotOf } from '../../../../identity/plan/proofs.ts';
import type { Step } from '../../../../identity/steps/step.ts';
import { withoutTags, withTags } from '../../../../identity/desired/tags.ts';
import type {
  AccountWorld,
  CachedAssociation,
  ClusterFacts,
  ObservedAssociation,
  ObservedRole,
  ObservedServiceAccount,
  ProofRecord,
  RoleSpec,
  CachedRole,
  TargetObservation,
} from '../../../../identity/state/world.ts';

export type Foreseen = {
  /** In the order in which they would be taken. */
  readonly steps: readonly Step[];
  /** What somebody else changed, in words. */
  readonly drift: readonly string[];
  /** What the status would say in the end. */
  readonly status: LinkedServiceAccountStatus;
  readonly targets: readonly TargetObservation[];
  /** By target. */
  readonly associations: ReadonlyMap<string, CachedAssociation>;
};

/** More passes than any plan takes; a plan that never ends is a fault. */
const mostPasses = 100;

export async function foresee(
  observed: AccountWorld,
  readRole: (name: string) => Promise<ObservedRole | undefined>,
): Promise<Foreseen> {
  const { cluster } = observed;
  if (!cluster.ok) throw new Error(`there is nothing to foresee: ${cluster.message}`);
  const world = {
    ...observed,
    targets: [...observed.targets],
    roles: new Map(observed.roles),
    associations: new Map(observed.associations),
    proofs: new Map(observed.proofs),
  };
  const steps: Step[] = [];
  let drift: readonly string[] = [];
  for (let pass = 1; pass <= mostPasses; pass += 1) {
    const plan = planAccount(world);
    if (pass === 1 || drift.length === 0) drift = plan.drift;
    if (plan.steps.length === 0) {
      const { targets, associations } = world;
      return { steps, drift, status: plan.status, targets, associations };
    }
    for (const step of plan.steps) {
      // A role that nobody has looked at yet may exist and be somebody's.
      if (step.kind === 'ReadRole' || (step.kind === 'CreateRole' && !world.roles.has(step.role))) {
        world.roles.set(step.role, { role: (await readRole(step.role)) ?? null, source: 'read' });
        continue;
      }
      carryOut(world, cluster.facts, step);
      steps.push(step);
    }
    world.account = { ...world.account, status: plan.status };
  }
  throw new Error(`the plan for ${observed.account.metadata.name} does not end`);
}

type PaperWorld = Omit<AccountWorld, 'account' | 'targets' | 'roles' | 'associations' | 'proofs'> & {
  account: LinkedServiceAccount;
  targets: TargetObservation[];
  readonly roles: Map<string, CachedRole>;
  readonly associations: Map<string, CachedAssociation>;
  readonly proofs: Map<string, ProofRecord>;
};

function carryOut(world: PaperWorld, facts: ClusterFacts, step: Exclude<Step, { kind: 'ReadRole' }>): void {
  const { account } = world;
  const change = (name: string, with_: (role: ObservedRole) => Partial<ObservedRole>): void => {
    const role = world.roles.get(name)?.role;
    if (!role) throw new Error(`the plan changes the role ${name}, which is not there`);
    world.roles.set(name, { role: { ...role, ...with_(role) }, source: 'write', trustWrittenAt: world.now });
  };
  const setFinalizers = (finalizers: readonly string[]): void => {
    world.account = { ...account, metadata: { ...account.metadata, finalizers } };
  };
  const link = (name: string, serviceAccount: ObservedServiceAccount | undefined): void => {
    world.targets = world.targets.map((target) => {
      if (target.name !== name) return target;
      const { serviceAccount: _, ...rest } = target;
      return serviceAccount ? { ...rest, serviceAccount } : rest;
    });
  };
  const ours = { account: accountLabelValue(account.metadata.name) };
  const annotated = (
    roleArn: string | undefined,
  ): Pick<ObservedServiceAccount, 'roleArn' | 'roleArnManager'> =>
    roleArn === undefined ? {} : { roleArn, roleArnManager: fieldManager };
  const associate = (target: string, association: ObservedAssociation | null): void => {
    world.associations.set(target, { association, source: 'write' });
  };
  /** The next target begins when the pods of this one are current. */
  const replacePods = (name: string): void => {
    world.targets = world.targets.map((target) =>
      target.name === name
        ? { ...target, held: { ...target.held, podIdentity: 0, readyByPodIdentity: 0, replacedByRole: 0 } }
        : target,
    );
  };
  switch (step.kind) {
    case 'AddFinalizer':
      setFinalizers([...(account.metadata.finalizers ?? []), accountFinalizer]);
      return;
    case 'RemoveFinalizer':
      setFinalizers((account.metadata.finalizers ?? []).filter((each) => each !== accountFinalizer));
      return;
    case 'CreateRole':
      world.roles.set(step.role, {
        role: roleOf(step.spec, facts),
        source: 'write',
        trustWrittenAt: world.now,
      });
      return;
    case 'DeleteRole':
      world.roles.set(step.role, { role: null, source: 'read' });
      return;
    case 'UpdateTrustPolicy':
      change(step.role, () => ({ trustPolicy: step.trustPolicy }));
      return;
    case 'AttachPolicy':
      change(step.role, (role) => ({ attachedPolicyArns: [...role.attachedPolicyArns, step.policyArn] }));
      return;
    case 'DetachPolicy':
      change(step.role, (role) => ({
        attachedPolicyArns: role.attachedPolicyArns.filter((arn) => arn !== step.policyArn),
      }));
      return;
    case 'DeleteInlinePolicy':
      change(step.role, (role) => ({
        inlinePolicyNames: role.inlinePolicyNames.filter((name) => name !== step.policyName),
      }));
      return;
    case 'PutPermissionsBoundary':
      change(step.role, () => ({ permissionsBoundaryArn: step.policyArn }));
      return;
    case 'DeletePermissionsBoundary': {
      const belief = world.roles.get(step.role);
      if (!belief?.role) throw new Error(`the plan changes the role ${step.role}, which is not there`);
      const { permissionsBoundaryArn: _, ...role } = belief.role;
      world.roles.set(step.role, { ...belief, role, source: 'write' });
      return;
    }
    case 'UpdateMaxSessionDuration':
      change(step.role, () => ({ maxSessionDuration: step.seconds }));
      return;
    case 'TagRole':
      change(step.role, (role) => ({ tags: withTags(role.tags, step.tags) }));
      return;
    case 'UntagRole':
      change(step.role, (role) => ({ tags: withoutTags(role.tags, step.keys) }));
      return;
    case 'CreateServiceAccount':
      link(step.target, {
        uid: `of ${step.target}`,
        resourceVersion: '',
        created: true,
        ...annotated(step.roleArn),
        ...ours,
      });
      return;
    case 'LinkServiceAccount': {
      const { roleArn: _roleArn, roleArnManager: _manager, ...rest } = step.serviceAccount;
      link(step.target, { ...rest, ...annotated(step.roleArn), ...ours });
      return;
    }
    case 'UnlinkServiceAccount': {
      const { account: _account, ...released } = step.serviceAccount;
      const { roleArn: _roleArn, roleArnManager: _manager, ...rest } = released;
      link(step.target, step.keepsAnnotation ? released : rest);
      return;
    }
    case 'DeleteServiceAccount':
      link(step.target, undefined);
      return;
    case 'ProveIdentity':
      world.proofs.set(proofSlotOf(step), { key: step.proofKey, at: world.now });
      return;
    case 'ReadAssociation':
      // All of them were read before.
      world.associations.set(step.target, {
        association: world.associations.get(step.target)?.association ?? null,
        source: 'read',
      });
      return;
    case 'CreateAssociation':
      associate(step.target, {
        id: `of ${step.target}`,
        arn: '',
        namespace: step.target,
        serviceAccount: account.metadata.name,
        details: { roleArn: step.roleArn, tags: step.tags, withoutSessionTags: false },
      });
      replacePods(step.target);
      return;
    case 'UpdateAssociation':
    case 'TagAssociation': {
      const { tags = {}, roleArn: before = '' } = step.association.details ?? {};
      associate(step.target, {
        ...step.association,
        details: {
          roleArn: step.kind === 'UpdateAssociation' ? step.roleArn : before,
          tags: step.kind === 'TagAssociation' ? { ...tags, ...step.tags } : tags,
          withoutSessionTags: false,
        },
      });
      return;
    }
    case 'DeleteAssociation':
      associate(step.target, null);
      replacePods(step.target);
      return;
    case 'ConfirmAssociation':
      world.associations.set(step.target, { association: step.association ?? null, source: 'read' });
      world.proofs.set(proofSlotOf(step), { key: step.proofKey, at: world.now });
      return;
  }
}

function roleOf(spec: RoleSpec, facts: ClusterFacts): ObservedRole {
  const { permissionsBoundaryArn } = spec;
  return {
    name: spec.name,
    arn: roleArn({ ...facts, path: spec.path, name: spec.name }),
    id: `of ${spec.name}`,
    path: spec.path,
    trustPolicy: spec.trustPolicy,
    attachedPolicyArns: [],
    inlinePolicyNames: [],
    maxSessionDuration: spec.maxSessionDuration,
    tags: spec.tags,
    ...(permissionsBoundaryArn === undefined ? {} : { permissionsBoundaryArn }),
  };
}
