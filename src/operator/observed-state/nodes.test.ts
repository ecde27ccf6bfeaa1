import { expect, it } from 'vitest';
import type { Change } from '../../kube/index.ts';
import type { Pod } from '../../workloads/index.ts';
import type { Informers } from '../context.ts';
import { createNodeCache } from './nodes.ts';

const podOn = (name: string, nodeName?: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'production', name },
  spec: nodeName === undefined ? {} : { nodeName },
});

it('the node cache drops a node when the last pod that needs the Pod Identity agent has left the node', () => {
  const pods = new Map<string, Pod>();
  const listeners: ((change: Change<Pod>) => void)[] = [];
  const informer = {
    store: {
      byIndex: (_: string, node: string) => [...pods.values()].filter(({ spec }) => spec?.nodeName === node),
    },
    onChange: (listener: (change: Change<Pod>) => void) => listeners.push(listener),
  } as unknown as Informers['pods'];
  const change = (name: string, pod: Pod | undefined): void => {
    const old = pods.get(name);
    if (pod) pods.set(name, pod);
    else pods.delete(name);
    for (const listener of listeners)
      listener({ key: name, ...(old ? { old } : {}), ...(pod ? { new: pod } : {}) });
  };
  const cache = createNodeCache({ pods: informer });
  change('a', podOn('a'));
  change('a', podOn('a', 'node-1'));
  change('b', podOn('b', 'node-1'));
  expect(cache.get('node-1')).toBeUndefined();
  cache.read('node-1', { computeType: 'auto' });
  change('a', podOn('a', 'node-1'));
  change('a', undefined);
  expect(cache.get('node-1')).toEqual({ computeType: 'auto' });
  change('b', undefined);
  expect(cache.get('node-1')).toBeUndefined();
});
