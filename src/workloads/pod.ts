/**
 * Pods as far as this project reads them. A cluster holds many more pods than anything else, so what an informer
 * keeps of each is cut down to that part by `trimPod`.
 */
import { appLabel, identityAnnotation, targetLabel } from '../api/index.ts';
import { defined } from './defined.ts';
import type { ObjectMeta } from '../k8s/metadata.ts';

/** `valueFrom`: of a Secret or ConfigMap, which nobody here reads. That there is something counts. */
type PodEnvVar = { readonly name: string; readonly value?: string; readonly valueFrom?: object };

export type PodContainer = {
  readonly name: string;
  readonly env?: readonly PodEnvVar[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
};

type PodVolume = {
  readonly name: string;
  readonly projected?: {
    readonly sources?: readonly {
      readonly serviceAccountToken?: { readonly audience?: string; readonly path: string };
    }[];
  };
};

export type ContainerStatus = {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: { readonly startedAt?: string };
    readonly terminated?: ContainerEnd;
  };
  readonly lastState?: { readonly terminated?: ContainerEnd };
};

/** How a container ended. Times as Kubernetes writes them. */
export type ContainerEnd = {
  readonly reason?: string;
  readonly exitCode?: number;
  readonly message?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
};

type PodCondition = {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
};

export type Pod = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly serviceAccountName?: string;
    readonly containers?: readonly PodContainer[];
    readonly initContainers?: readonly PodContainer[];
    readonly volumes?: readonly PodVolume[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly PodCondition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
};

/** Which variables make a container's AWS SDK assume an identity. Source: AWS SDKs and Tools Reference, "Environment variables". */
export const identityEnv = {
  roleArn: 'AWS_ROLE_ARN',
  tokenFile: 'AWS_WEB_IDENTITY_TOKEN_FILE',
  containerCredentials: 'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  containerTokenFile: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
} as const;

/**
 * Which variables make SDKs pass over the identity that the webhook wrote beside them: keys and profiles go before any
 * other in the chains of the SDKs, and of the two addresses for credentials most take the relative one. The order is that of
 * the chains of Go, JavaScript and Python, which the AWS SDKs and Tools Reference links under "Standardized credential providers".
 */
export const overrulingEnv = {
  always: ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_DEFAULT_PROFILE'],
  podIdentity: ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'],
} as const;

/**
 * What the pods of an account may not be given by hand: what keeps the webhook away, what overrules it, and what is of no use
 * but beside these. A credentials file overrules in some SDKs.
 */
export const credentialEnv: readonly string[] = [
  ...Object.values(identityEnv),
  ...overrulingEnv.always,
  ...overrulingEnv.podIdentity,
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
];

/** On a pod: names, separated by commas, of containers which the webhook is to leave alone. Source: amazon-eks-pod-identity-webhook, README. */
export const skipContainersAnnotation = 'eks.amazonaws.com/skip-containers';

/** On the pods of a Deployment: the end of the name of the ReplicaSet that made them. */
export const templateHashLabel = 'pod-template-hash';

const keptLabels: readonly string[] = [appLabel, targetLabel, templateHashLabel];
const keptAnnotations: readonly string[] = [identityAnnotation, skipContainersAnnotation];
const keptEnv: ReadonlySet<string> = new Set([
  ...Object.values(identityEnv),
  ...overrulingEnv.always,
  ...overrulingEnv.podIdentity,
]);
const keptConditions: readonly string[] = ['PodScheduled', 'Ready'];

/** Kubernetes itself deletes, replaces and counts such a pod as done: none of its containers will run again. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/**
 * Whether a process of this pod may run now or later. One that is terminating still does, until it is gone; PVC
 * protection takes the same view: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection
 */
export function isRunning(pod: Pod): boolean {
  return !isFinished(pod);
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((entry) => entry.type === 'Ready' && entry.status === 'True') ?? false;
}

/** The identity which the pod's template asked for; absent on pods which are not an App's. */
export function markOf(pod: Pod): string | undefined {
  return pod.metadata.annotations?.[identityAnnotation];
}

/** The ServiceAccount whose tokens the pod gets; the API server fills in `default`. */
export function serviceAccountOf(pod: Pod): string {
  return pod.spec?.serviceAccountName || 'default';
}

/**
 * The pod with only what `podIdentity`, `podFailure` and their callers read. Trimming twice changes nothing, and what
 * they say of a pod is the same before and after: a property test holds both.
 */
export function trimPod(pod: Pod): Pod {
  const { metadata, spec, status } = pod;
  const volumes = (spec?.volumes ?? []).flatMap(trimVolume);
  const mounted = new Set(volumes.map((volume) => volume.name));
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: {
      name: metadata.name,
      ...defined({
        namespace: metadata.namespace,
        uid: metadata.uid,
        resourceVersion: metadata.resourceVersion,
        creationTimestamp: metadata.creationTimestamp,
        deletionTimestamp: metadata.deletionTimestamp,
        ownerReferences: metadata.ownerReferences,
        labels: trimRecord(metadata.labels, keptLabels),
        annotations: trimRecord(metadata.annotations, keptAnnotations),
      }),
    },
    spec: defined({
      serviceAccountName: spec?.serviceAccountName,
      containers: spec?.containers?.map((container) => trimContainer(container, mounted)),
      initContainers: spec?.initContainers?.map((container) => trimContainer(container, mounted)),
      volumes: nonEmpty(volumes),
    }),
    status: defined({
      phase: status?.phase,
      conditions: nonEmpty((status?.conditions ?? []).flatMap(trimCondition)),
      containerStatuses: status?.containerStatuses?.map(trimStatus),
      initContainerStatuses: status?.initContainerStatuses?.map(trimStatus),
    }),
  };
}

function nonEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

function trimRecord(
  record: Readonly<Record<string, string>> | undefined,
  keys: readonly string[],
): Readonly<Record<string, string>> | undefined {
  let kept: Record<string, string> | undefined;
  for (const key of keys) {
    const value = record?.[key];
    if (value !== undefined) (kept ??= {})[key] = value;
  }
  return kept;
}

/** Only tokens for an audience of their own: each pod has one for the API server, without an audience. */
function trimVolume(volume: PodVolume): readonly PodVolume[] {
  const sources = (volume.projected?.sources ?? []).flatMap(({ serviceAccountToken: token }) =>
    token?.audience === undefined
      ? []
      : [{ serviceAccountToken: { audience: token.audience, path: token.path } }],
  );
  return sources.length === 0 ? [] : [{ name: volume.name, projected: { sources } }];
}

function trimContainer(container: PodContainer, mounted: ReadonlySet<string>): PodContainer {
  const env = (container.env ?? [])
    .filter((entry) => keptEnv.has(entry.name))
    .map(({ name, value, valueFrom }) => ({ name, ...defined({ value, valueFrom: valueFrom && {} }) }));
  const volumeMounts = (container.volumeMounts ?? [])
    .filter((mount) => mounted.has(mount.name))
    .map((mount) => ({ name: mount.name, mountPath: mount.mountPath }));
  return { name: container.name, ...defined({ env: nonEmpty(env), volumeMounts: nonEmpty(volumeMounts) }) };
}

function trimCondition(condition: PodCondition): readonly PodCondition[] {
  const { type, status, reason, message } = condition;
  return keptConditions.includes(type) ? [{ type, status, ...defined({ reason, message }) }] : [];
}

/** Since when a container runs that never ended is nothing that anybody asks. */
function trimStatus({ name, ready, restartCount, state, lastState }: ContainerStatus): ContainerStatus {
  const end = lastState?.terminated;
  return {
    name,
    ...defined({
      ready,
      restartCount,
      state: trimState(state) ?? (end && trimRunning(state)),
      lastState: end && { terminated: trimEnd(end) },
    }),
  };
}

function trimRunning(state: ContainerStatus['state']): ContainerStatus['state'] {
  const startedAt = state?.running?.startedAt;
  return startedAt === undefined ? undefined : { running: { startedAt } };
}

function trimEnd({ reason, exitCode, message, startedAt, finishedAt }: ContainerEnd): ContainerEnd {
  return defined({ reason, exitCode, message, startedAt, finishedAt });
}

function trimState(state: ContainerStatus['state']): ContainerStatus['state'] {
  if (state?.waiting) {
    const { reason, message } = state.waiting;
    return { waiting: defined({ reason, message }) };
  }
  if (state?.terminated) return { terminated: trimEnd(state.terminated) };
  return undefined;
}
