/**
 * The controllers of a cluster that come after the operator, as a model: a Deployment gets pods, of which each is what the pod
 * identity webhook makes of it at that moment, and a changed template replaces them, new ones first.
 */
import { resources, type SetTimer } from '../../src/kube/index.ts';
import { eksDefaults, mutate, type Pod as WebhookPod } from '../../src/sandbox/webhook/mutate.ts';
import type { SimulatedApiServer, StoredObject } from './simulated-api-server.ts';

type Deployment = StoredObject & {
  readonly spec: {
    readonly replicas?: number;
    readonly template: {
      readonly metadata?: object;
      readonly spec: { readonly serviceAccountName?: string };
    };
  };
};

/** How long the controllers take to act, and a pod to be ready, in milliseconds. */
const reactionMs = 50;
const retryMs = 1000;

export function modelWorkloads(server: SimulatedApiServer, setTimer: SetTimer): void {
  let serial = 0;
  const scheduled = new Set<string>();

  const act = async (namespace: string, name: string): Promise<void> => {
    const deployment = server.get(resources.deployments, name, namespace) as Deployment | undefined;
    const mine = server
      .list(resources.pods, namespace)
      .filter((pod) => pod.metadata.labels?.['simulated/deployment'] === name);
    if (!deployment) {
      for (const pod of mine) await server.client.delete(resources.pods, pod.metadata);
      return;
    }
    const { template, replicas = 1 } = deployment.spec;
    const revision = JSON.stringify(template);
    const current = mine.filter((pod) => pod.metadata.annotations?.['simulated/template'] === revision);
    const account = template.spec.serviceAccountName ?? 'default';
    const serviceAccount = server.get(resources.serviceAccounts, account, namespace);
    if (current.length < replicas && !serviceAccount && account !== 'default') {
      schedule(namespace, name, retryMs);
      return;
    }
    for (let missing = replicas - current.length; missing > 0; missing -= 1) {
      await server.client.create(
        resources.pods,
        inject(template, serviceAccount, { namespace, name, serial: (serial += 1), revision }),
      );
    }
    const surplus = [...mine.filter((pod) => !current.includes(pod)), ...current.slice(replicas)];
    for (const pod of surplus) await server.client.delete(resources.pods, pod.metadata);
    const status = {
      observedGeneration: deployment.metadata.generation,
      replicas,
      updatedReplicas: replicas,
      readyReplicas: replicas,
      availableReplicas: replicas,
    };
    await server.client.updateStatus(resources.deployments, {
      ...deployment,
      metadata: { ...deployment.metadata, resourceVersion: undefined as never },
      status,
    } as never);
  };
  const schedule = (namespace: string, name: string, afterMs: number): void => {
    const key = `${namespace}/${name}`;
    if (scheduled.has(key)) return;
    scheduled.add(key);
    setTimer(() => {
      scheduled.delete(key);
      void act(namespace, name);
    }, afterMs);
  };

  server.onChange(resources.deployments, (object) =>
    schedule(object.metadata.namespace ?? '', object.metadata.name, reactionMs),
  );
  server.onChange(resources.pods, (object, gone) => {
    const deployment = object.metadata.labels?.['simulated/deployment'];
    if (gone && deployment !== undefined) schedule(object.metadata.namespace ?? '', deployment, reactionMs);
  });
}

function inject(
  template: Deployment['spec']['template'],
  serviceAccount: StoredObject | undefined,
  of: { namespace: string; name: string; serial: number; revision: string },
): StoredObject {
  const metadata = (template.metadata ?? {}) as {
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  let pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: of.namespace,
      name: `${of.name}-${of.serial}`,
      labels: { ...metadata.labels, 'simulated/deployment': of.name },
      annotations: { ...metadata.annotations, 'simulated/template': of.revision },
    },
    spec: structuredClone(template.spec),
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
  const patches = serviceAccount
    ? mutate(pod as unknown as WebhookPod, serviceAccount, { ...eksDefaults, region: 'us-west-2' })
    : [];
  for (const { path, value } of patches)
    pod = added(pod, path.split('/').slice(1).map(unescape), value) as typeof pod;
  return pod;
}

/** RFC 6902 `add`. */
function added(target: unknown, [first = '', ...rest]: readonly string[], value: unknown): unknown {
  if (Array.isArray(target)) {
    const copy = [...(target as unknown[])];
    const index = first === '-' ? copy.length : Number(first);
    if (rest.length === 0) copy.splice(index, 0, value);
    else copy[index] = added(copy[index], rest, value);
    return copy;
  }
  const record = { ...(target as Record<string, unknown>) };
  record[first] = rest.length === 0 ? value : added(record[first], rest, value);
  return record;
}

function unescape(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
