/** A case of the conformance table, and the objects that cases share. */
import {
  KubeApiError,
  resources,
  type KubeClient,
  type KubeObject,
  type WatchEvent,
  type WatchOptions,
} from '../../../src/kube/index.ts';

export type ConformanceContext = {
  readonly client: KubeClient;
  /** A namespace that only this case uses. It is also a prefix for names of cluster-scoped objects. */
  readonly namespace: string;
  /** Waits for asynchronous work of the server. The time is in milliseconds on the server's clock. */
  readonly pause: (ms: number) => Promise<void>;
};

export type ConformanceCase = {
  readonly name: string;
  readonly run: (context: ConformanceContext) => Promise<unknown>;
  readonly sees: unknown;
  /** Observations on the oldest supported Kubernetes version, if they differ from `sees`. */
  readonly seesOnOldest?: unknown;
};

export type Loose = KubeObject & {
  readonly spec?: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
  readonly data?: Record<string, string>;
};

/** Returns the machine-readable reason of a refusal, or `done`. */
export async function verdict(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return 'done';
  } catch (error) {
    if (error instanceof KubeApiError) return `${error.status} ${error.reason}`;
    throw error;
  }
}

export const configMap = (
  namespace: string,
  name: string,
  data: Record<string, string> | undefined,
  metadata: Partial<KubeObject['metadata']> = {},
): Loose => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, ...metadata },
  ...(data === undefined ? {} : { data }),
});

export const serviceAccount = (
  namespace: string,
  name: string,
  metadata: Partial<KubeObject['metadata']> = {},
): KubeObject => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, ...metadata } });

export const policy = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

export const account = (
  name: string,
  spec: object = {},
  more: { metadata?: Partial<KubeObject['metadata']>; status?: object } = {},
): Loose => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'LinkedServiceAccount',
  metadata: { name, ...more.metadata },
  spec: { aws: { policyArns: [policy] }, ...spec },
  ...(more.status ? { status: more.status as Record<string, unknown> } : {}),
});

export const status = (name: string, of: object, metadata: Partial<KubeObject['metadata']> = {}): Loose => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'LinkedServiceAccount',
  metadata: { name, ...metadata },
  status: of as Record<string, unknown>,
});

export const asOperator = { fieldManager: 'konstellation', force: true, subresource: 'status' } as const;

export const versionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion);

export const ref = (namespace: string, name: string): { namespace: string; name: string } => ({
  namespace,
  name,
});

/** Describes the first events of a watch. */
export async function firstEvents(
  { client, namespace }: ConformanceContext,
  scope: Omit<WatchOptions, 'namespace'>,
  count: number,
): Promise<readonly string[]> {
  const seen: string[] = [];
  const events: AsyncIterable<WatchEvent<KubeObject>> = client.watch(resources.configMaps, {
    namespace,
    ...scope,
  });
  for await (const event of events) {
    if (event.type === 'ERROR') seen.push(`ERROR ${event.error.status} ${event.error.reason}`);
    else if (event.type === 'BOOKMARK')
      seen.push(event.initialEventsEnd ? 'BOOKMARK, the last initial' : 'BOOKMARK');
    else seen.push(`${event.type} ${event.object.metadata.name}`);
    if (seen.length >= count) break;
  }
  return seen;
}
