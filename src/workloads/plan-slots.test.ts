import { describe, expect, test } from 'vitest';
import type { App, AppSpec } from '../api/index.ts';
import { appMembers } from './app-members.ts';
import type { Deployment } from './deployment.ts';
import { planApp, type AppObservation, type TargetPlan } from './plan.ts';
import { account, app, identityOf, observation, otherRoleArn, row, target } from './testing/fixtures.ts';
import { simulatedCluster, valueAt, type SimulatedCluster } from './testing/simulated-cluster.ts';
import type { RolloutSlot } from './rollout-group.ts';

const ofOldRole = account([row('production')]);
const ofNewRole = account([row('production', { roleArn: otherRoleArn })]);
const others: RolloutSlot = { kind: 'waits', blocker: { reason: 'WaitingForTurn', message: 'others first' } };
const waits = new Map([['production', others]]);

const spec = { serviceAccount: 'payments', imageTag: '1', scale: { min: 2 } } satisfies Partial<AppSpec>;

function deployed(of: App): SimulatedCluster {
  const cluster = simulatedCluster();
  cluster.applySteps(planApp(observation({ app: of, account: ofOldRole })));
  return cluster;
}

function plan(
  cluster: SimulatedCluster,
  fields: Partial<AppObservation> & { app: App },
): TargetPlan | undefined {
  return planApp(observation({ account: ofNewRole, objects: cluster.objects(), slots: waits, ...fields }))
    .targets[0];
}

function deployment(cluster: SimulatedCluster): Deployment {
  return cluster.objects().find(({ kind }) => kind === 'Deployment') as Deployment;
}
const templateOf = (of: unknown): unknown => valueAt(of, ['spec', 'template']);

describe('a target without its rollout slot', () => {
  test('has no steps if only its identity would change', () => {
    expect(plan(deployed(app(spec)), { app: app(spec) })).toMatchObject({
      kind: 'held',
      blocker: { reason: 'WaitingForTurn' },
      steps: [],
    });
  });

  test('is deployed with the new identity once the target has the slot', () => {
    const cluster = deployed(app(spec));
    const going = plan(cluster, { app: app(spec), slots: new Map([['production', { kind: 'go' }]]) });
    expect(going).toMatchObject({ kind: 'deploy', identity: identityOf(otherRoleArn) });
  });

  test('can be scaled while the target waits, and its pod template stays the same', () => {
    const cluster = deployed(app(spec));
    const before = templateOf(deployment(cluster));
    const scaled = app({ ...spec, scale: { min: 5 } });
    const held = plan(cluster, { app: scaled });
    expect(held?.kind).toBe('held');
    cluster.applySteps({ targets: held ? [held] : [], removals: [] });
    expect(deployment(cluster).spec?.replicas).toBe(5);
    expect(templateOf(deployment(cluster))).toEqual(before);
    expect(plan(cluster, { app: scaled })).toMatchObject({ kind: 'held', steps: [] });
  });

  test('gets the new identity at once if the target rolls for another reason', () => {
    const rolled = plan(deployed(app(spec)), { app: app({ ...spec, imageTag: '2' }) });
    expect(rolled).toMatchObject({ kind: 'deploy', identity: identityOf(otherRoleArn) });
  });

  test("rolls at once if an edit removes a field from the template, although only the template's digest shows the removal", () => {
    const cluster = deployed(app({ ...spec, env: [{ name: 'A', value: '1' }] }));
    expect(plan(cluster, { app: app(spec) })?.kind).toBe('deploy');
  });

  test('applies no part of an edit that also names another account', () => {
    const cluster = deployed(app({ ...spec, serviceAccount: 'older' }));
    expect(plan(cluster, { app: app({ ...spec, imageTag: '2' }) })).toMatchObject({
      kind: 'held',
      steps: [],
    });
  });

  test('is deployed without waiting while the target is halted, because a halted target has no pods', () => {
    const cluster = deployed(app(spec));
    const halted = app({ ...spec, targets: [target('production', { deployMode: 'halt' })] });
    expect(plan(cluster, { app: halted })?.kind).toBe('deploy');
  });
});

describe('appMembers', () => {
  const members = (cluster: SimulatedCluster, fields: Partial<AppObservation> & { app: App }): unknown =>
    appMembers(observation({ account: ofNewRole, objects: cluster.objects(), ...fields }), () => 0);

  test('excludes a target that is deployed for the first time, because such a target needs no slot', () => {
    expect(members(simulatedCluster(), { app: app(spec) })).toEqual([]);
  });

  test('reports that a target wants the slot if the target’s identity differs from the account’s', () => {
    expect(members(deployed(app(spec)), { app: app(spec) })).toMatchObject([
      { id: 'app web in production', wants: true, hasWanted: false },
    ]);
  });

  test('reports that a target does not want the slot if the account is not proven in the target', () => {
    const unproven = account([row('production', { roleArn: otherRoleArn, proven: false })]);
    expect(members(deployed(app(spec)), { app: app(spec), account: unproven })).toMatchObject([
      { wants: false, hasWanted: false },
    ]);
  });

  test('reports the state `refused` for a target whose new template was refused', () => {
    const refused: App = {
      ...app(spec),
      status: { targets: [{ name: 'production', state: 'Failed', reason: 'Refused' }] },
    };
    expect(members(deployed(app(spec)), { app: refused })).toMatchObject([{ state: 'refused' }]);
  });

  test('gives a target the state `rolling` until all its pods are observed and hold the wanted identity', () => {
    const cluster = deployed(app(spec));
    cluster.edit('Deployment', ['status'], {
      observedGeneration: 1,
      replicas: 2,
      updatedReplicas: 2,
      availableReplicas: 2,
    });
    expect(members(cluster, { app: app(spec), account: ofOldRole })).toMatchObject([
      { wants: false, hasWanted: true, state: 'rolling' },
    ]);
  });
});
