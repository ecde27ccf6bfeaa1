/**
 * Tests that every field of an App, common or per target, has an effect in the cluster, and that removing the field
 * removes the whole effect.
 */
import { describe, expect, test } from 'vitest';
import { appSpec, type App, type AppSpec, type AppTarget } from '../api/index.ts';
import type { ObservedObject } from './manifest.ts';
import { planApp } from './plan.ts';
import { account, app, observation, row, target } from './testing/fixtures.ts';
import { simulatedCluster } from './testing/simulated-cluster.ts';

const ports: AppSpec['ports'] = [{ name: 'http', port: 8080, protocol: 'TCP' }];

/** A value for each optional field. */
const common: Required<Omit<AppSpec, 'image' | 'targets'>> = {
  registry: 'registry.example',
  imageTag: '2',
  ports,
  command: ['/web'],
  args: ['-v'],
  env: [{ name: 'A', value: '1' }],
  configs: [{ name: 'settings', mountPath: '/etc/web', data: { a: '1' } }],
  dependencies: [{ name: 'reviews' }],
  serviceAccount: 'payments',
  imagePullSecrets: ['registry'],
  resources: { requests: { cpu: '1' } },
  probes: { readiness: { tcpSocket: { port: 8080 } } },
  // The scale has no maximum, so there is no autoscaler that would own the number of replicas.
  scale: { min: 2 },
};

const own: Required<Omit<AppTarget, 'name'>> = {
  env: [{ name: 'A', value: '2' }],
  configs: [{ name: 'settings', data: { b: '2' } }],
  scale: { min: 3, max: 5 },
  resources: { limits: { cpu: '2' } },
  probes: { liveness: { tcpSocket: { port: 8080 } } },
  ingress: { hosts: ['a.example'] },
  deployMode: 'halt',
};

/** Objects in the cluster after these specs were applied one after the other. */
function after(...specs: readonly Partial<AppSpec>[]): readonly ObservedObject[] {
  const cluster = simulatedCluster();
  const reviews = app({ ports, targets: [target('production')] }, { name: 'reviews', uid: 'other' });
  const applySteps = (of: App): void => {
    cluster.applySteps(
      planApp(
        observation({
          app: of,
          account: account([row('production')]),
          others: new Map([['reviews', reviews]]),
          objects: cluster.objects(),
        }),
      ),
    );
  };
  for (const spec of specs) {
    applySteps(app(spec));
    applySteps(app(spec));
  }
  return cluster
    .objects()
    .toSorted((a, b) => `${a.kind} ${a.metadata.name}`.localeCompare(`${b.kind} ${b.metadata.name}`));
}

type Case = { readonly with: Partial<AppSpec>; readonly without: Partial<AppSpec> };

/**
 * Returns two cases for the field: one with as many other fields as possible, and one with as few other fields as
 * possible.
 */
function casesOf(field: string): readonly Case[] {
  const { [field as keyof typeof common]: value, ...others } = common;
  const alone = field === 'ports' ? {} : { ports };
  return [
    { with: { ...others, [field]: value }, without: others },
    { with: { ...alone, [field]: value }, without: alone },
  ];
}

function targetCasesOf(field: string): readonly Case[] {
  const { deployMode, ...others } = own;
  const { [field as keyof typeof others]: _, ...rest } = others;
  const value = field === 'deployMode' ? deployMode : own[field as keyof typeof own];
  return [
    {
      with: { ...common, targets: [target('production', { ...rest, [field]: value })] },
      without: { ...common, targets: [target('production', rest)] },
    },
    {
      with: { ports, targets: [target('production', { [field]: value })] },
      without: { ports, targets: [target('production')] },
    },
  ];
}

test('the tests below cover every field of an App', () => {
  const { image: _, targets, ...fields } = appSpec.shape;
  expect(Object.keys(common).toSorted()).toEqual(Object.keys(fields).toSorted());
  const { name: __, ...ofTarget } = targets.element.shape;
  expect(Object.keys(own).toSorted()).toEqual(Object.keys(ofTarget).toSorted());
});

describe.each([
  ...Object.keys(common).map((field) => [`spec.${field}`, casesOf(field)] as const),
  ...Object.keys(own).map((field) => [`spec.targets[].${field}`, targetCasesOf(field)] as const),
])('%s', (_field, cases) => {
  test('changes objects in the cluster', () => {
    for (const each of cases) expect(after(each.with)).not.toEqual(after(each.without));
  });

  test('has no effect in the cluster after the field was removed', () => {
    for (const each of cases)
      expect(after(each.without, each.with, each.without)).toEqual(after(each.without));
  });
});
