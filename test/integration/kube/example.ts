import { createHash } from 'node:crypto';
import {
  createController,
  createInformer,
  createKubeClient,
  loadConnection,
  parseKey,
  resources,
  type KubeObject,
} from '../../../src/kube/index.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';

type ConfigMap = KubeObject & { data?: Record<string, string> };

/**
 * Annotates every ConfigMap that has the label `example.com/digest` with the digest of its data, and keeps the
 * annotation up to date.
 */
export async function runDigestController(kubeconfig: string, signal: AbortSignal): Promise<void> {
  const time = { now: () => performance.now() as Monotonic, random: Math.random };
  const client = createKubeClient(await loadConnection({ kubeconfig, env: {} }));
  const informer = createInformer<ConfigMap>({
    ...time,
    client,
    resource: resources.configMaps,
    labelSelector: 'example.com/digest',
  });
  const controller = createController({
    ...time,
    name: 'digest',
    concurrency: 4,
    async reconcile(key, reconcileSignal) {
      const { data = {}, metadata } = informer.store.get(key) ?? {};
      if (!metadata) return; // The ConfigMap is deleted or no longer labelled, so there is nothing to do.
      const digest = createHash('sha256').update(JSON.stringify(data)).digest('hex');
      if (metadata.annotations?.['example.com/sha256'] === digest) return;
      const patch = { metadata: { uid: metadata.uid, annotations: { 'example.com/sha256': digest } } };
      const options = { type: 'merge', fieldManager: 'digest', signal: reconcileSignal } as const;
      await client.patch(resources.configMaps, parseKey(key), patch, options);
    },
  });
  informer.onChange(({ key }) => controller.enqueue(key));
  await Promise.all([informer.start(signal), controller.start(signal)]);
  await client.close();
}
