import { describe, expect, test } from 'vitest';
import type { Wall } from '../k8s/time.ts';
import { planApp, type AppObservation, type TargetPlan } from './plan.ts';
import { app, observation, target } from './testing/fixtures.ts';

const enforced = Date.parse('2026-01-01T12:00:00Z');
const createdAfter = (seconds: number): { creationTimestamp: string } => ({
  creationTimestamp: new Date(enforced + seconds * 1000).toISOString(),
});
const plan = (
  metadata: { creationTimestamp?: string },
  fields: Partial<AppObservation> = {},
): readonly TargetPlan[] =>
  planApp(
    observation({
      app: app({ targets: [target('production'), target('staging')] }, metadata),
      admittedSince: enforced as Wall,
      ...fields,
    }),
  ).targets;

describe('an App that may have bypassed the admission policies', () => {
  test.each([
    ['it is a day older than the policies', createdAfter(-86_400)],
    ['it was created in the same second as the policies', createdAfter(0)],
    ['it was created before every API server enforced the policies', createdAfter(1)],
    ['it has no creation time', {}],
  ])('is not deployed, and the status asks the user to create the App again: %s', (_how, metadata) => {
    const blocked = { kind: 'blocked', reason: 'NotAdmitted', steps: [] };
    expect(plan(metadata)).toMatchObject([blocked, blocked]);
    const [row] = plan(metadata);
    expect(row?.kind === 'blocked' && row.message).toMatch(
      /nothing is deployed there\. Delete the app and create it again: kon app export web > web\.yaml; kon app delete web; kon apply -f web\.yaml$/,
    );
  });

  test('is still deployed to targets where it already ran, and the message for the other targets names the targets where it runs', () => {
    const [production, staging] = plan(createdAfter(-60), { deployedIn: new Set(['production']) });
    expect(production).toMatchObject({ kind: 'deploy' });
    expect(production?.steps).not.toEqual([]);
    expect(staging).toMatchObject({ kind: 'blocked', reason: 'NotAdmitted' });
    expect(staging?.kind === 'blocked' && staging.message).toContain(
      'which stops it in production meanwhile',
    );
  });

  test('is held back while any admission policy is missing', () => {
    const [row] = plan(createdAfter(1_000_000), { admittedSince: Infinity as Wall });
    expect(row).toMatchObject({ kind: 'blocked', reason: 'NotAdmitted' });
    expect(row?.kind === 'blocked' && row.message).toContain('are not installed now');
  });
});

test('an App is deployed if it was created after the admission policies, or if the operator does not require the policies', () => {
  for (const targets of [
    plan(createdAfter(2)),
    planApp(observation({ app: app({}, createdAfter(-60)) })).targets,
  ])
    for (const { kind } of targets) expect(kind).toBe('deploy');
});
