/**
 * Verifies that a real kube-apiserver behaves as the conformance table of the simulated one states, so that results
 * with the simulated server also hold for the real one.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { crds, linkedServiceAccounts } from '../../../src/api/index.ts';
import {
  createKubeClient,
  loadConnection,
  resources,
  type KubeClient,
  type KubeObject,
} from '../../../src/kube/index.ts';
import { baseEnvironment } from '../../../sandbox/src/environment.ts';
import { conformanceTable } from '../../simulation/conformance/table.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { isOldestKubernetes } from '../../support/kubernetes-version.ts';
import { startControllers } from '../apps/parts.ts';

describe('a real API server', () => {
  let cluster: TestControlPlane;
  let client: KubeClient;
  let stopControllers: () => Promise<void>;

  beforeAll(async () => {
    const env = baseEnvironment(process.env);
    cluster = await startControlPlane();
    stopControllers = await startControllers(cluster.kubeconfig, env);
    client = createKubeClient(await loadConnection({ kubeconfig: cluster.kubeconfig, env }));
    for (const crd of crds())
      await client.apply<KubeObject>(resources.customResourceDefinitions, crd, { fieldManager: 'test' });
    // For a while after a kind becomes available, server-side apply possibly does not know the kind's schema yet, and
    // then accepts any field.
    await vi.waitFor(
      () =>
        expect(
          client.apply<KubeObject>(
            linkedServiceAccounts,
            {
              apiVersion: 'k11n.dev/v1alpha1',
              kind: 'LinkedServiceAccount',
              metadata: { name: 'none' },
              spec: { aws: { policyArns: [] }, unknown: 1 },
            } as KubeObject,
            { fieldManager: 'test', dryRun: true },
          ),
        ).rejects.toThrow('field not declared in schema'),
      { timeout: 60_000, interval: 200 },
    );
  });

  afterAll(async () => {
    await client?.close();
    await stopControllers?.();
    await cluster?.stop();
  });

  it.each(conformanceTable.map((entry, index) => ({ ...entry, namespace: `case-${index}` })))(
    '$name',
    async ({ run, sees, seesOnOldest = sees, namespace }) => {
      await client.create<KubeObject>(resources.namespaces, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace },
      });
      expect(await run({ client, namespace, pause: (ms) => pause(ms) })).toEqual(
        isOldestKubernetes ? seesOnOldest : sees,
      );
    },
  );
});
