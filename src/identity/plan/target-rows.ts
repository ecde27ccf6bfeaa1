/** Status rows of a target that is served, waits, or switches its identity mode. */
import type { IdentityMode, TargetStatus } from '../../api/index.ts';
import type { Problem } from '../state/problem.ts';
import { isConfirmed, knownOf, proofKey, validProof } from './proofs.ts';
import type { TargetRow } from './status.ts';
import { assignedRole, type TargetContext } from './target-context.ts';
import type { AccountWorld, ObservedAssociation, TargetObservation } from '../state/world.ts';

export function row(observation: TargetObservation): TargetRow {
  return { name: observation.name, pods: observation.pods, wanted: true, linked: false, proven: false };
}

/** Row of a target that its association serves, with the valid proof or confirmation of this process. */
export function rowByAssociation(
  context: TargetContext,
  observation: TargetObservation,
  association: ObservedAssociation,
): TargetRow {
  const { world } = context;
  const { name, serviceAccount } = observation;
  const assigned = assignedRole(context, 'PodIdentity', name);
  const base = { ...row(observation), identityMode: 'PodIdentity' as const, linked: true };
  const roleArn = assigned?.role.arn ?? association.details?.roleArn;
  const carried = roleArn === undefined ? base : { ...base, roleArn };
  if (!assigned || !serviceAccount) return carried;
  const key = proofKey(assigned.role, serviceAccount, association);
  const proven = validProof(world, name, assigned.role, serviceAccount, association) !== undefined;
  return { ...carried, proven, confirmed: proven || isConfirmed(world, name, key), proofKey: key };
}

/** Row as last written to the status, but with the proofs of this process. It is used if no newer state is known. */
export function rowFromStatus(world: AccountWorld, observation: TargetObservation): TargetRow {
  const before = statusRow(world, observation.name);
  if (!before) return row(observation);
  const { identityMode, roleArn, linked, proofKey: key } = before;
  return {
    ...row(observation),
    linked,
    ...knownOf(world, before),
    ...(identityMode === undefined ? {} : { identityMode }),
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(key === undefined ? {} : { proofKey: key }),
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
  const underWay: ReadonlySet<string> = new Set([
    'Linking',
    'Proving',
    'UpdatingRole',
    'Associating',
    'CreatingRole',
  ]);
  return {
    reason: underWay.has(reason) ? 'SwitchingMode' : reason,
    message: `switches to ${to}: ${message}`,
  };
}

export function waitsForSwitch(holder: string): Problem {
  return { reason: 'SwitchingMode', message: `${holder} switches first` };
}
