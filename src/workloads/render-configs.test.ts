import { describe, expect, test } from 'vitest';
import type { App, AppSpec } from '../api/index.ts';
import type { ObservedObject } from './manifest.ts';
import { planApp } from './plan.ts';
import { app, observation, target } from './testing/fixtures.ts';
import { simulatedCluster, valueAt, type SimulatedCluster } from './testing/simulated-cluster.ts';

const settings = { name: 'settings', data: { LOG_LEVEL: 'info', REGION: 'eu' } };
const files = { name: 'files', mountPath: '/etc/web', data: { 'web.yaml': 'a: 1' } };

function applySteps(cluster: SimulatedCluster, of: App): void {
  cluster.applySteps(planApp(observation({ app: of, objects: cluster.objects() })));
}

function deployed(spec: Partial<AppSpec>): SimulatedCluster {
  const cluster = simulatedCluster();
  applySteps(cluster, app(spec));
  return cluster;
}

const configMaps = (cluster: SimulatedCluster): readonly ObservedObject[] =>
  cluster.objects().filter(({ kind }) => kind === 'ConfigMap');
const podSpec = (cluster: SimulatedCluster): unknown =>
  valueAt(
    cluster.objects().find(({ kind }) => kind === 'Deployment'),
    ['spec', 'template', 'spec'],
  );
const namesOf = (cluster: SimulatedCluster): readonly string[] =>
  configMaps(cluster).map(({ metadata }) => metadata.name);

describe('configs', () => {
  test('become environment variables, or files if they have a mountPath', () => {
    const cluster = deployed({ configs: [settings, files] });
    const [variables, folder] = configMaps(cluster);
    expect(variables).toMatchObject({
      metadata: { name: expect.stringMatching(/^web-settings-[0-9a-f]{10}$/), namespace: 'production' },
      immutable: true,
      data: settings.data,
    });
    expect(folder).toMatchObject({ immutable: true, data: files.data });
    expect(podSpec(cluster)).toMatchObject({
      containers: [
        {
          envFrom: [{ configMapRef: { name: variables?.metadata.name } }],
          volumeMounts: [{ name: 'config-files', mountPath: '/etc/web', readOnly: true }],
        },
      ],
      volumes: [{ name: 'config-files', configMap: { name: folder?.metadata.name } }],
    });
  });

  test('are merged by name with the configs of the target, and the data of configs with the same name is merged by key', () => {
    const own = target('production', {
      configs: [{ name: 'settings', data: { LOG_LEVEL: 'debug' } }, files],
    });
    const [variables, folder] = configMaps(deployed({ configs: [settings], targets: [own] }));
    expect(variables).toMatchObject({ data: { LOG_LEVEL: 'debug', REGION: 'eu' } });
    expect(folder).toMatchObject({ data: files.data });
  });

  test('of two apps never share a ConfigMap, even if the joined names of app and config are equal', () => {
    const [one] = namesOf(deployed({ configs: [{ name: 'b-c' }] }));
    const cluster = simulatedCluster();
    applySteps(cluster, app({ configs: [{ name: 'c' }] }, { name: 'web-b' }));
    const [other] = namesOf(cluster);
    expect(other?.slice(0, -10)).toBe(one?.slice(0, -10));
    expect(other).not.toBe(one);
  });

  test('roll the pods when the configs change, and old ConfigMaps stay until the old pods are deleted', () => {
    const cluster = deployed({ configs: [files] });
    const [before = ''] = namesOf(cluster);
    const changed = app({ configs: [{ ...files, data: { 'web.yaml': 'a: 2' } }] });
    applySteps(cluster, changed);
    const [, after = ''] = namesOf(cluster);
    expect(JSON.stringify(podSpec(cluster))).toContain(after);

    cluster.edit('Deployment', ['status', 'replicas'], 2);
    applySteps(cluster, changed);
    expect(namesOf(cluster)).toEqual([before, after]);

    cluster.edit('Deployment', ['status', 'replicas'], 1);
    applySteps(cluster, changed);
    expect(namesOf(cluster)).toEqual([after]);
  });

  test('are removed from cluster and pod template when the app no longer lists them', () => {
    const plain = podSpec(deployed({}));
    const cluster = deployed({ configs: [settings, files] });
    applySteps(cluster, app());
    applySteps(cluster, app());
    expect(podSpec(cluster)).toEqual(plain);
    expect(configMaps(cluster)).toEqual([]);
  });

  test('do not change while the rollout of the app is held back', () => {
    const cluster = deployed({ configs: [files] });
    const before = cluster.objects();
    applySteps(cluster, app({ serviceAccount: 'payments', configs: [] }));
    expect(cluster.objects()).toEqual(before);
  });
});
