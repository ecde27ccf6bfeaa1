import { describe, expect, test } from 'vitest';
import type { App, AppSpec, AppTarget, Dependency } from '../api/index.ts';
import { planApp } from './plan.ts';
import { app, observation, target } from './testing/fixtures.ts';
import { valueAt } from './testing/simulated-cluster.ts';

const http = { name: 'http', port: 8080, protocol: 'TCP' as const };
const admin = { name: 'admin-api', port: 9090, protocol: 'TCP' as const };

function reviews(spec: Partial<AppSpec> = {}, metadata: Partial<App['metadata']> = {}): App {
  return app({ ports: [http, admin], ...spec }, { name: 'user-reviews', uid: 'uid-of-reviews', ...metadata });
}

/**
 * Environment variables of the container of an app with these dependencies, or the reason why this app is not deployed.
 */
function seenBy(
  dependencies: readonly Dependency[],
  other: App | undefined,
  spec: Partial<AppSpec> = {},
  own: Partial<AppTarget> = {},
): unknown {
  const plan = planApp(
    observation({
      app: app({ dependencies: [...dependencies], ...spec, targets: [target('production', own)] }),
      others: new Map(other ? [[other.metadata.name, other]] : []),
    }),
  );
  const [entry] = plan.targets;
  if (entry?.kind === 'blocked') return `${entry.reason}: ${entry.message}`;
  const manifests = entry?.steps.flatMap((step) => (step.kind === 'apply' ? [step.manifest] : []));
  const deployment = manifests?.find(({ kind }) => kind === 'Deployment');
  return valueAt(deployment, ['spec', 'template', 'spec', 'containers', 0, 'env']);
}

const both = [
  { name: 'USER_REVIEWS_HTTP_HOST', value: 'user-reviews.production.svc:8080' },
  { name: 'USER_REVIEWS_ADMIN_API_HOST', value: 'user-reviews.production.svc:9090' },
];

describe('dependencies', () => {
  test('become environment variables with the address of each port', () => {
    expect(seenBy([{ name: 'user-reviews' }], reviews())).toEqual(both);
  });

  test('can name a single port and another target', () => {
    const elsewhere = reviews({ targets: [target('staging')] });
    expect(seenBy([{ name: 'user-reviews', port: 'http', target: 'staging' }], elsewhere)).toEqual([
      { name: 'USER_REVIEWS_HTTP_HOST', value: 'user-reviews.staging.svc:8080' },
    ]);
  });

  test("do not override the app's own variables", () => {
    const env = [{ name: 'USER_REVIEWS_HTTP_HOST', value: 'localhost:1' }];
    expect(seenBy([{ name: 'user-reviews' }], reviews(), { env })).toEqual([env[0], both[1]]);
  });

  test('of two apps on each other block neither app', () => {
    const caller = reviews({ dependencies: [{ name: 'web' }] });
    expect(seenBy([{ name: 'user-reviews' }], caller)).toEqual(both);
  });

  test('do not block a halted target', () => {
    expect(seenBy([{ name: 'user-reviews' }], undefined, {}, { deployMode: 'halt' })).toBeUndefined();
  });

  test.each([
    ['that does not exist', {}, undefined, 'the app depends on app "user-reviews", which does not exist'],
    [
      'that is being deleted',
      {},
      reviews({}, { deletionTimestamp: '2026-11-24T08:00:00Z' }),
      'the app depends on app "user-reviews", which does not exist',
    ],
    [
      'that runs only on another target',
      {},
      reviews({ targets: [target('staging')] }),
      'the app depends on app "user-reviews", which does not run on target "production" (targets of "user-reviews": staging)',
    ],
    [
      'without the named port',
      { port: 'grpc' },
      reviews(),
      'the app depends on app "user-reviews", which has no port "grpc" (ports of "user-reviews": http, admin-api)',
    ],
    [
      'without ports',
      {},
      reviews({ ports: [] }),
      'the app depends on app "user-reviews", which has no ports',
    ],
  ])('on an app %s are reported, and the target is not deployed', (_name, fields, other, message) => {
    expect(seenBy([{ name: 'user-reviews', ...fields }], other)).toBe(`DependencyMissing: ${message}`);
  });
});
