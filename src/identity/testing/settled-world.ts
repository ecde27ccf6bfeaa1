/** Account that the tests use: the names of its roles, its state, and a world with the account in sync. */
import { findCondition } from '../../k8s/conditions.ts';
import { createWorld, facts, settle, type SimulatedWorld } from './simulated-world.ts';
import { roleName } from '../desired/names.ts';
import type { ObservedRole } from '../state/world.ts';

/** Name of the account's role with this index. */
export const nameOf = (index: number): string =>
  roleName({ clusterArn: facts.clusterArn, clusterName: facts.name, account: 'myaccount', index });

export const name = nameOf(1);

export const arn = `arn:aws:iam::123456789012:role/konstellation/${name}`;

/** Role that existed before the account and does not belong to it. */
export const theirs: ObservedRole = {
  name: 'theirs',
  arn: 'arn:aws:iam::123456789012:role/theirs',
  id: 'AROATHEIRS',
  path: '/',
  trustPolicy: '{"Version":"2012-10-17","Statement":[]}',
  attachedPolicyArns: [],
  inlinePolicyNames: [],
  maxSessionDuration: 3600,
  tags: { team: 'payments' },
};

/** World with the account in sync and an empty journal. */
export function settled(): SimulatedWorld {
  const world = createWorld();
  settle(world);
  world.journal.length = 0;
  return world;
}

/** Kinds of the executed steps, in order. */
export function kinds(world: SimulatedWorld): string[] {
  return world.journal.map(({ step }) => step.kind);
}

/** Status and reason of the Ready condition, for example `True Ready`. */
export function ready(world: SimulatedWorld): string {
  const condition = findCondition(world.account.status?.conditions, 'Ready');
  return `${condition?.status} ${condition?.reason}`;
}

export function roleOf(world: SimulatedWorld): ObservedRole {
  const role = world.roles.get(name);
  if (!role) throw new Error('there is no role');
  return role;
}
