/**
 * Computes the complete plan for an account. The planner returns only the steps that are possible in the current state, and the
 * next steps depend on their result. Therefore, this module applies each step to a copy of the observed state, and plans again
 * until no step is left. Pure, except that it reads roles that become relevant during planning.
 */
import type { LinkedServiceAccountStatus } from '../../../../api/linked-service-account.ts';
import {
  accountAfter,
  associationAfter,
  cachedAssociationAfter,
  cachedRoleAfter,
  isAssociationStep,
  isFinalizerStep,
  isRoleStep,
  planAccount,
  proofsAfter,
  roleArn,
  serviceAccountAfter,
  type AccountWorld,
  type CachedAssociation,
  type CachedRole,
  type ClusterFacts,
  type ObservedRole,
  type Step,
  type TargetObservation,
} from '../../../../identity/index.ts';

export type DryRun = {
  /** Steps in the order of their application. */
  readonly steps: readonly Step[];
  /** Descriptions of out-of-band changes to the account's roles. */
  readonly drift: readonly string[];
  /** Status of the account after all steps. */
  readonly status: LinkedServiceAccountStatus;
  /** State of the world after all steps. */
  readonly world: AccountWorld;
};

/** Maximum number of planning passes. Every correct plan needs fewer passes. */
const mostPasses = 100;

/** @throws Error if the plan does not end, which would be a bug in the planner */
export async function dryRun(
  observed: AccountWorld,
  readRole: (name: string) => Promise<ObservedRole | undefined>,
): Promise<DryRun> {
  const { cluster } = observed;
  if (!cluster.ok) throw new Error(`cannot plan without the cluster's configuration: ${cluster.message}`);
  let world = observed;
  const steps: Step[] = [];
  let drift: readonly string[] = [];
  for (let pass = 1; pass <= mostPasses; pass += 1) {
    const plan = planAccount(world);
    if (pass === 1 || drift.length === 0) drift = plan.drift;
    if (plan.steps.length === 0) return { steps, drift, status: plan.status, world };
    for (const step of plan.steps) {
      // Reads the role before simulating its creation, because the role may already exist and have another owner.
      if (step.kind === 'ReadRole' || (step.kind === 'CreateRole' && !world.roles.has(step.role))) {
        const cached: CachedRole = { role: (await readRole(step.role)) ?? null, source: 'read' };
        world = { ...world, roles: new Map(world.roles).set(step.role, cached) };
        continue;
      }
      world = simulatedApply(world, cluster.facts, step);
      steps.push(step);
    }
    world = { ...world, account: { ...world.account, status: plan.status } };
  }
  throw new Error(`the plan for ${observed.account.metadata.name} does not converge`);
}

/** Returns the simulated world after the step has succeeded and the affected pods have been replaced. */
function simulatedApply(world: AccountWorld, facts: ClusterFacts, step: Step): AccountWorld {
  const { name } = world.account.metadata;
  const proofs = new Map([...world.proofs, ...proofsAfter(step, 'applied', world.proofs, world.now)]);
  const next = { ...world, proofs };
  if (isFinalizerStep(step)) return { ...next, account: accountAfter(step, world.account) };
  if (isRoleStep(step)) {
    if (step.kind === 'ReadRole') return next;
    const created = {
      id: `of ${step.role}`,
      arn: roleArn({ ...facts, path: facts.rolePath, name: step.role }),
    };
    const cached = cachedRoleAfter(step, world.roles.get(step.role), world.now, created);
    return { ...next, roles: new Map(world.roles).set(step.role, cached) };
  }
  const ofTarget = (change: (target: TargetObservation) => TargetObservation): readonly TargetObservation[] =>
    world.targets.map((target) => (target.name === step.target ? change(target) : target));
  const created = { id: `of ${step.target}`, arn: '' };
  if (isAssociationStep(step)) {
    const before = world.associations.get(step.target);
    const set = (cached: CachedAssociation): Pick<AccountWorld, 'associations'> => ({
      associations: new Map(world.associations).set(step.target, cached),
    });
    // Only marks the association as read, because `observe.ts` has already read all associations.
    if (step.kind === 'ReadAssociation')
      return { ...next, ...set({ association: before?.association ?? null, source: 'read' }) };
    if (step.kind === 'ConfirmAssociation')
      return { ...next, ...set({ association: step.association ?? null, source: 'read' }) };
    const associations = set(cachedAssociationAfter(step, before, associationAfter(step, name, created)));
    const isSwitch = step.kind === 'CreateAssociation' || step.kind === 'DeleteAssociation';
    return { ...next, ...associations, ...(isSwitch ? { targets: ofTarget(withReplacedPods) } : {}) };
  }
  if (step.kind === 'ProveIdentity') return next;
  // Only marks the nodes as read, because `observe.ts` has already read all existing nodes.
  if (step.kind === 'ReadNode')
    return {
      ...next,
      targets: ofTarget((target) => ({ ...target, held: { ...target.held, unreadNodes: [] } })),
    };
  const targets = ofTarget(({ serviceAccount: _, ...target }) => {
    const serviceAccount = serviceAccountAfter(step, name, { uid: `of ${step.target}`, resourceVersion: '' });
    return serviceAccount ? { ...target, serviceAccount } : target;
  });
  return { ...next, targets };
}

/** Marks the pods of a target as replaced, because the next target switches its mode only after their replacement. */
function withReplacedPods(target: TargetObservation): TargetObservation {
  return { ...target, held: { ...target.held, podIdentity: 0, readyByPodIdentity: 0, replacedByRole: 0 } };
}
