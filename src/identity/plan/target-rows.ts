/**
 * Status row of a target, with its problem: the pods get the role, the target waits, or it switches its identity mode.
 */
import type { IdentityMode, TargetStatus } from '../../api/index.ts';
import { defined } from '../../k8s/defined.ts';
import type { AccountWorld, ObservedAssociation, Problem, TargetObservation } from '../state/world.ts';
import { knownByAssociation, knownOf } from './proofs.ts';
import type { TargetRow } from './status.ts';
import { assignedRole, type TargetContext } from './target-context.ts';

/** Row of a wanted target that is not known to be linked or proven. */
export function initialRow(observation: TargetObservation): TargetRow {
  return { name: observation.name, pods: observation.pods, wanted: true, linked: false, proven: false };
}

/**
 * Row of a target whose pods get their role by a Pod Identity association. The row contains this process's proof or
 * confirmation of the identity, if it is valid.
 */
export function rowByAssociation(
  context: TargetContext,
  observation: TargetObservation,
  association: ObservedAssociation,
): TargetRow {
  const { world } = context;
  const { name, serviceAccount } = observation;
  const assigned = assignedRole(context, 'PodIdentity', name);
  const roleArn = assigned?.role.arn ?? association.details?.roleArn;
  const carried = {
    ...initialRow(observation),
    identityMode: 'PodIdentity' as const,
    linked: true,
    ...defined({ roleArn }),
  };
  if (!assigned || !serviceAccount) return carried;
  const { key, ...known } = knownByAssociation(world, name, assigned.role, serviceAccount, association);
  return { ...carried, ...known, proofKey: key };
}

/** Row as last written to the status, but with the proofs of this process. It is used if no newer state is known. */
export function rowFromStatus(world: AccountWorld, observation: TargetObservation): TargetRow {
  const before = statusRow(world, observation.name);
  if (!before) return initialRow(observation);
  const { identityMode, roleArn, linked, proofKey } = before;
  return {
    ...initialRow(observation),
    linked,
    ...knownOf(world, before),
    ...defined({ identityMode, roleArn, proofKey }),
  };
}

export function statusRow(world: AccountWorld, target: string): TargetStatus | undefined {
  return world.account.status?.targets?.find((entry) => entry.name === target);
}

/**
 * Problem of a target during a switch of its mode. Mere progress is reported with the reason `SwitchingMode`, an error with its
 * own reason.
 */
export function switching({ reason, message }: Problem, to: IdentityMode): Problem {
  return {
    reason: reasonsOfProgress.has(reason) ? 'SwitchingMode' : reason,
    message: `switches to ${to}: ${message}`,
  };
}

const reasonsOfProgress: ReadonlySet<Problem['reason']> = new Set([
  'Linking',
  'Proving',
  'UpdatingRole',
  'Associating',
  'CreatingRole',
]);

export function waitsForSwitch(holder: string): Problem {
  return { reason: 'SwitchingMode', message: `${holder} switches first` };
}

export const waitsForRole: Problem = { reason: 'CreatingRole', message: 'waits for the role' };

export const writingTrust: Problem = {
  reason: 'UpdatingRole',
  message: 'the trust policy is being written',
};
