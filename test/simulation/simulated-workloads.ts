/**
 * A model of the cluster's other controllers. Deployments create pods, and the pod identity webhook mutates each pod if
 * the webhook responds. A changed template replaces the pods, new pods first. Pods become ready, and end after their
 * grace period. Terminating namespaces are emptied.
 */
import { resources, type KubeObject, type Resource, type SetTimer } from '../../src/kube/index.ts';
import { eksDefaults, mutate, type Pod as WebhookPod } from '../../sandbox/src/webhook/mutate.ts';
import { brokenImage } from './acts.ts';
import { nodeName } from './agents.ts';
import type { SimulatedApiServer } from './api-server/simulated-api-server.ts';
import type { StoredObject } from './api-server/stored-object.ts';
import type { Monotonic } from '../../src/k8s/time.ts';

type Template = { readonly metadata?: object; readonly spec: { readonly serviceAccountName?: string } };
type Deployment = StoredObject & {
  readonly spec: { readonly replicas?: number; readonly template: Template };
};

/**
 * Time in milliseconds until controllers react to a change, until a new pod is ready, and until a deleted pod has
 * ended.
 */
const reactionMs = 50;
const startMs = 300;
const endMs = 1_500;

const deploymentLabel = 'simulated/deployment';
const templateAnnotation = 'simulated/template';
/** Uid of the Deployment that created the pod. A recreated Deployment does not adopt pods of its predecessor. */
const creatorAnnotation = 'simulated/creator';

/** All namespaced kinds in the simulation. */
const contents: readonly Resource[] = [
  resources.deployments,
  resources.configMaps,
  resources.services,
  resources.podDisruptionBudgets,
  resources.horizontalPodAutoscalers,
  resources.ingresses,
  resources.pods,
  resources.serviceAccounts,
];

export type Workloads = {
  /** Whether the webhook responds. Pods that are created while it does not respond start without an identity. */
  webhookRuns: boolean;
  /** Time since which the webhook has not responded; undefined while it responds. */
  readonly webhookAwaySince: number | undefined;
  /** For each Deployment, the number of pods ever created for it. A key has the form `pods of production/app`. */
  readonly made: ReadonlyMap<string, number>;
};

/** @param isAssociated whether the webhook finds a Pod Identity association of the ServiceAccount */
export function modelWorkloads(
  server: SimulatedApiServer,
  { now, setTimer }: { readonly now: () => Monotonic; readonly setTimer: SetTimer },
  isAssociated: (namespace: string, serviceAccount: string) => boolean,
): Workloads {
  const made = new Map<string, number>();
  let awaySince: number | undefined;
  const workloads: Workloads = {
    get webhookRuns() {
      return awaySince === undefined;
    },
    set webhookRuns(runs) {
      awaySince = runs ? undefined : (awaySince ?? now());
    },
    get webhookAwaySince() {
      return awaySince;
    },
    made,
  };
  let serial = 0;
  const scheduled = new Set<string>();
  const schedule = (key: string, act: () => void, afterMs: number): void => {
    if (scheduled.has(key)) return;
    scheduled.add(key);
    setTimer(() => {
      scheduled.delete(key);
      act();
    }, afterMs);
  };

  server.admit = (resource, object) => {
    if (resource.plural !== 'pods' || !workloads.webhookRuns) return object;
    const { namespace = '' } = object.metadata;
    const { serviceAccountName = 'default' } = object.spec as { serviceAccountName?: string };
    const serviceAccount = server.get(resources.serviceAccounts, serviceAccountName, namespace);
    return serviceAccount
      ? injected(object, serviceAccount, isAssociated(namespace, serviceAccountName))
      : object;
  };

  /** Ignores the failure of a write, because controllers try again later. */
  const attempt = async (write: Promise<unknown>): Promise<void> => {
    await write.catch(() => undefined);
  };

  const scale = async (namespace: string, name: string): Promise<void> => {
    const deployment = server.get(resources.deployments, name, namespace) as Deployment | undefined;
    const creator = deployment?.metadata.uid ?? '';
    const named = server
      .list(resources.pods, namespace)
      .filter((pod) => pod.metadata.labels?.[deploymentLabel] === name)
      .filter((pod) => pod.metadata.deletionTimestamp === undefined);
    const mine = named.filter((pod) => pod.metadata.annotations?.[creatorAnnotation] === creator);
    for (const pod of named.filter((each) => !mine.includes(each)))
      await attempt(server.client.delete(resources.pods, pod.metadata));
    if (!deployment) return;
    const { template, replicas = 1 } = deployment.spec;
    const revision = JSON.stringify(template);
    const current = mine.filter((pod) => pod.metadata.annotations?.[templateAnnotation] === revision);
    const account = template.spec.serviceAccountName ?? 'default';
    const again = (): void => void scale(namespace, name);
    if (
      current.length < replicas &&
      account !== 'default' &&
      !server.get(resources.serviceAccounts, account, namespace)
    ) {
      schedule(`scale ${namespace}/${name}`, again, 1_000);
      return;
    }
    for (let missing = replicas - current.length; missing > 0; missing -= 1) {
      const pod = podOf(template, { namespace, name, serial: (serial += 1), revision, creator });
      const all = `pods of ${namespace}/${name}`;
      made.set(all, (made.get(all) ?? 0) + 1);
      await attempt(server.client.create(resources.pods, pod));
    }
    const ready = current.filter((pod) => isReady(pod)).length;
    // As in a rolling update, old pods end once the new ones are ready.
    const surplus = [
      ...(ready >= replicas ? mine.filter((pod) => !current.includes(pod)) : []),
      ...current.slice(replicas),
    ];
    for (const pod of surplus) await attempt(server.client.delete(resources.pods, pod.metadata));
    const present = server.get(resources.deployments, name, namespace);
    if (!present) return;
    const status = {
      observedGeneration: deployment.metadata.generation,
      replicas: mine.length,
      updatedReplicas: current.length,
      readyReplicas: mine.filter((pod) => isReady(pod)).length,
      availableReplicas: mine.filter((pod) => isReady(pod)).length,
    };
    await attempt(server.client.updateStatus(resources.deployments, { ...present, status } as KubeObject));
  };

  const follow = (pod: StoredObject): void => {
    const { namespace = '', name, uid = '' } = pod.metadata;
    const present = (): StoredObject | undefined => {
      const found = server.get(resources.pods, name, namespace);
      return found?.metadata.uid === uid ? found : undefined;
    };
    if (pod.metadata.deletionTimestamp !== undefined) {
      const end = async (): Promise<void> => {
        if (present())
          await attempt(
            server.client.delete(resources.pods, { namespace, name }, { uid, gracePeriodSeconds: 0 }),
          );
      };
      schedule(`end ${uid}`, () => void end(), endMs);
    } else if (!isReady(pod) && !isBroken(pod)) {
      const start = async (): Promise<void> => {
        const found = present();
        const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
        if (found)
          await attempt(server.client.updateStatus(resources.pods, { ...found, status } as KubeObject));
      };
      schedule(`start ${uid}`, () => void start(), startMs);
    }
  };

  const empty = async (namespace: string): Promise<void> => {
    let left = 0;
    for (const resource of contents)
      for (const object of server.list(resource, namespace)) {
        left += 1;
        if (object.metadata.deletionTimestamp === undefined)
          await attempt(server.client.delete(resource, object.metadata));
      }
    if (left === 0) server.finalizeNamespace(namespace);
    else schedule(`empty ${namespace}`, () => void empty(namespace), 500);
  };

  server.onChange((resource, { type, object }) => {
    const { namespace = '', name, labels } = object.metadata;
    switch (resource.plural) {
      case 'deployments':
        schedule(`scale ${namespace}/${name}`, () => void scale(namespace, name), reactionMs);
        return;
      case 'pods': {
        const deployment = labels?.[deploymentLabel];
        if (deployment !== undefined)
          schedule(`scale ${namespace}/${deployment}`, () => void scale(namespace, deployment), reactionMs);
        if (type !== 'DELETED') follow(object);
        return;
      }
      case 'namespaces':
        if (type !== 'DELETED' && object.metadata.deletionTimestamp !== undefined)
          schedule(`empty ${name}`, () => void empty(name), 500);
        return;
      default:
    }
  });
  return workloads;
}

function isReady({ status }: StoredObject): boolean {
  return (status as { phase?: string } | undefined)?.phase === 'Running';
}

function isBroken({ spec }: StoredObject): boolean {
  const { containers = [] } = spec as { containers?: readonly { image?: string }[] };
  return containers.some(({ image = '' }) => image.startsWith(brokenImage));
}

function podOf(
  template: Template,
  of: { namespace: string; name: string; serial: number; revision: string; creator: string },
): KubeObject {
  const metadata = (template.metadata ?? {}) as {
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: of.namespace,
      name: `${of.name}-${of.serial}`,
      labels: { ...metadata.labels, [deploymentLabel]: of.name },
      annotations: {
        ...metadata.annotations,
        [templateAnnotation]: of.revision,
        [creatorAnnotation]: of.creator,
      },
    },
    // The pod is assigned to a node immediately.
    spec: { ...template.spec, nodeName },
  } as KubeObject;
}

function injected(object: StoredObject, serviceAccount: StoredObject, isAssociated: boolean): StoredObject {
  const config = { ...eksDefaults, region: 'us-west-2' };
  const association = isAssociated ? { random: () => 0 } : undefined;
  const patches = mutate(object as unknown as WebhookPod, serviceAccount, config, association);
  let pod: unknown = object;
  for (const { path, value } of patches) pod = added(pod, path.split('/').slice(1).map(unescape), value);
  return pod as StoredObject;
}

/** Performs the operation `add` from RFC 6902. */
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
