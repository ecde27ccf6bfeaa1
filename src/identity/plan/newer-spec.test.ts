/**
 * Plans for specs that contain fields of a later version. The later version may have applied settings that this version does not
 * know.
 */
import { describe, expect, it } from 'vitest';
import { type ClusterConfig, type LinkedServiceAccount } from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import { IdentityError } from '../state/errors.ts';
import { clusterState } from './cluster-state.ts';
import { outdatedStatus, planCluster } from './cluster.ts';
import { planAccount } from './account.ts';
import { kinds, name, ready, roleOf, settled } from '../testing/settled-world.ts';
import {
  createWorld,
  edit,
  fullAccess,
  observe,
  requestDeletion,
  settle,
  resync,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import type { Wall } from '../../k8s/time.ts';

/** Adds an unknown field to the account's spec, as a later version stores it. */
function addField(world: SimulatedWorld): void {
  const { spec } = world.account;
  const aws = { ...spec.aws, sessionStatements: [{ actions: ['s3:GetObject'] }] };
  edit(world, { aws });
}

describe('an account with a field of a later version', () => {
  it('remains unchanged, and its status names the unknown field', () => {
    const world = settled();
    const before = world.account.status;
    addField(world);
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(ready(world)).toBe('False SpecNewerThanOperator');
    expect(findCondition(world.account.status?.conditions, 'Ready')?.message).toContain(
      'spec.aws.sessionStatements',
    );
    const { conditions: _, observedGeneration: __, ...rows } = world.account.status ?? {};
    const { conditions: ___, observedGeneration: ____, ...rowsBefore } = before ?? {};
    expect(rows).toEqual(rowsBefore);
  });

  it('keeps what the later version wrote to its role and its status', () => {
    const world = settled();
    addField(world);
    const trustPolicy = '{"Version":"2012-10-17","Statement":[]}';
    const theirs = {
      ...roleOf(world),
      trustPolicy,
      inlinePolicyNames: ['statements'],
      attachedPolicyArns: [fullAccess],
    };
    world.roles.set(name, theirs);
    world.account = {
      ...world.account,
      status: { ...world.account.status, added: 'x' } as LinkedServiceAccount['status'] & object,
    };
    resync(world);
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(roleOf(world)).toEqual(theirs);
    expect(world.account.status).toMatchObject({ added: 'x' });
  });

  it('is not deleted, and gets no finalizer', () => {
    const world = settled();
    addField(world);
    requestDeletion(world);
    settle(world);
    expect(kinds(world)).toEqual([]);
    const created = createWorld();
    addField(created);
    settle(created);
    expect(kinds(created)).toEqual([]);
  });

  it('is reconciled again once the field is removed', () => {
    const world = settled();
    const { spec } = world.account;
    addField(world);
    settle(world);
    edit(world, { aws: { ...spec.aws, policyArns: [fullAccess] } });
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(roleOf(world).attachedPolicyArns).toEqual([fullAccess]);
  });
});

describe('a ClusterConfig with a field of a later version', () => {
  const status = {
    accountId: '123456789012',
    partition: 'aws',
    clusterArn: 'arn:aws:eks:us-west-2:123456789012:cluster/main',
    oidcIssuer: 'https://issuer',
    oidcProviderArn: 'arn:aws:iam::123456789012:oidc-provider/issuer',
    added: 'x',
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Ready',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ],
  };
  const config = {
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'ClusterConfig',
    metadata: { name: 'main', generation: 2 },
    spec: {
      targets: ['production'],
      aws: { region: 'us-west-2', rolePath: '/konstellation/', driftIntervalSeconds: 60, added: true },
    },
    status,
  } as unknown as ClusterConfig;

  it('stops the reconciliation of every account of the cluster', () => {
    const cluster = clusterState([config]);
    expect(cluster).toMatchObject({ ok: false, reason: 'SpecNewerThanOperator' });
    const world = { ...observe(settled()), cluster };
    expect(planAccount(world).steps).toEqual([]);
  });

  it('stays Ready while the CRDs are newer than the operator, and has OperatorCurrent False until the operator is upgraded', () => {
    const now = 0 as Wall;
    const { added: _, ...aws } = config.spec.aws as ClusterConfig['spec']['aws'] & { added?: boolean };
    const known = { ...config, spec: { ...config.spec, aws } };
    const outdated = outdatedStatus(known, { installed: 2, own: 1, now });
    expect(outdated).toMatchObject({ added: 'x', clusterArn: status.clusterArn });
    expect(findCondition(outdated.conditions, 'Ready')?.status).toBe('True');
    expect(findCondition(outdated.conditions, 'OperatorCurrent')).toMatchObject({
      status: 'False',
      reason: 'OperatorOutdated',
      message: expect.stringContaining('schema version 2'),
    });
    expect(clusterState([{ ...known, status: outdated }]).ok).toBe(true);
    const unanswered = { ok: false, error: new IdentityError('Unreachable', 'no answer') } as const;
    const plan = planCluster({
      now,
      config: { ...known, status: outdated },
      issuer: unanswered,
      caller: unanswered,
      namespaces: [],
    });
    expect(findCondition(plan.status.conditions, 'OperatorCurrent')).toBeUndefined();
  });

  it('reports the field in Ready, keeps the rest of its status, and writes no namespace', () => {
    const plan = planCluster({
      now: 0 as Wall,
      config,
      issuer: { ok: true, value: 'https://issuer' },
      caller: {
        ok: true,
        value: { accountId: '123456789012', partition: 'aws', arn: 'arn:aws:iam::123456789012:user/x' },
      },
      namespaces: [],
    });
    expect(plan.applyNamespaces).toEqual([]);
    expect(plan.status).toMatchObject({ added: 'x', clusterArn: status.clusterArn });
    expect(findCondition(plan.status.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'SpecNewerThanOperator',
      message: expect.stringContaining('spec.aws.added'),
    });
  });
});
