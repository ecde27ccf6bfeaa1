/**
 * The fields of pods that this project reads. A cluster has many more pods than other objects, so informers keep only
 * the fields that `trimPod` keeps.
 */
import { appLabel, identityAnnotation, targetLabel } from '../api/index.ts';
import { defined } from '../k8s/defined.ts';
import type { ObjectCondition } from '../k8s/conditions.ts';
import type { ObjectMeta } from '../k8s/metadata.ts';

/**
 * Environment variable. Only the presence of `valueFrom` matters: the Secret or ConfigMap that it refers to is not
 * read.
 */
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

/** End of a container. Times are RFC 3339. */
export type ContainerEnd = {
  readonly reason?: string;
  readonly exitCode?: number;
  readonly message?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
};

export type Pod = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly serviceAccountName?: string;
    readonly schedulerName?: string;
    readonly nodeName?: string;
    readonly containers?: readonly PodContainer[];
    readonly initContainers?: readonly PodContainer[];
    readonly volumes?: readonly PodVolume[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly ObjectCondition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
};

/**
 * Environment variables that make AWS SDKs assume an identity. Source: AWS SDKs and Tools Reference, "Environment
 * variables".
 */
export const identityEnv = {
  roleArn: 'AWS_ROLE_ARN',
  tokenFile: 'AWS_WEB_IDENTITY_TOKEN_FILE',
  containerCredentials: 'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  containerTokenFile: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
} as const;

/**
 * Environment variables that SDKs prefer to the injected identity. Keys and profiles come first in the credential
 * provider chains of the SDKs, and most SDKs prefer the relative URI to the full URI that the webhook injects. Source:
 * the chains of Go, JavaScript and Python, linked in the AWS SDKs and Tools Reference under "Standardized credential
 * providers".
 */
export const overridingEnv = {
  always: ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_DEFAULT_PROFILE'],
  podIdentity: ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'],
} as const;

/** Environment variables that `trimPod` keeps. */
const keptEnv: ReadonlySet<string> = new Set([
  ...Object.values(identityEnv),
  ...overridingEnv.always,
  ...overridingEnv.podIdentity,
]);

/**
 * Environment variables that pods with an account must not set. Some make the webhook skip the container, some override
 * the injected identity (including the path of a credentials file, which some SDKs prefer), and some have an effect
 * only together with other variables of this list.
 */
export const credentialEnv: readonly string[] = [
  ...keptEnv,
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
];

/**
 * Annotation of a pod: comma-separated names of containers that the webhook skips. Source:
 * amazon-eks-pod-identity-webhook, README.
 */
export const skipContainersAnnotation = 'eks.amazonaws.com/skip-containers';

/** Label on a Deployment's pods: hash of the pod template, which is also the suffix of their ReplicaSet's name. */
export const templateHashLabel = 'pod-template-hash';

const keptLabels: readonly string[] = [appLabel, targetLabel, templateHashLabel];
const keptAnnotations: readonly string[] = [identityAnnotation, skipContainersAnnotation];
const keptConditions: readonly string[] = ['PodScheduled', 'Ready'];

/** Whether the pod is finished. A finished pod never runs again, and Kubernetes may delete or replace it. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/**
 * Whether a process of the pod may run now or later. A terminating pod may run until it is deleted. PVC protection uses
 * the same definition: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection
 */
export function isRunning(pod: Pod): boolean {
  return !isFinished(pod);
}

/** Whether the pod counts among the replicas of its workload. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && !isTerminating(pod);
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((entry) => entry.type === 'Ready' && entry.status === 'True') ?? false;
}

/**
 * Name of the scheduler of pods on AWS Fargate. A pod's `schedulerName` is immutable. Source: EKS User Guide, "Get
 * started with AWS Fargate".
 */
const fargateScheduler = 'fargate-scheduler';

/**
 * Whether the pod runs on AWS Fargate, whose nodes have no Pod Identity agent. Source: EKS User Guide, "Learn how EKS Pod
 * Identity grants pods access to AWS services", restrictions.
 */
export function isOnFargate(pod: Pod): boolean {
  return pod.spec?.schedulerName === fargateScheduler;
}

/**
 * Namespace of the Pod Identity agent. Pods elsewhere do not count as agents, since users may create pods with any owner in their own
 * namespaces.
 */
export const agentNamespace = 'kube-system';

/**
 * Name of the agent's EKS add-on and of its main DaemonSet. The DaemonSets for other node types have a suffix, for
 * example `-hybrid`. Source: aws/eks-pod-identity-agent, charts/eks-pod-identity-agent.
 */
export const agentName = 'eks-pod-identity-agent';

/** Whether the pod is a Pod Identity agent: a pod of the add-on's DaemonSet. */
export function isAgent({ metadata: { namespace, ownerReferences = [] } }: Pod): boolean {
  return (
    namespace === agentNamespace &&
    ownerReferences.some(
      ({ kind, name, controller }) => controller && kind === 'DaemonSet' && isAgentName(name),
    )
  );
}

/** Whether a DaemonSet of this name in `agentNamespace` belongs to the EKS add-on of the Pod Identity agent. */
export function isAgentName(name: string): boolean {
  return name.startsWith(agentName);
}

/** Whether SDKs in the pod request credentials from the agent of the pod's node. */
export function usesAgent({ spec }: Pod): boolean {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(({ env = [] }) =>
    env.some(({ name }) => name === identityEnv.containerCredentials),
  );
}

/**
 * Identity mark (see `identityMark`) of the pod template that the pod was created from; undefined if the template had
 * no mark.
 */
export function markOf(pod: Pod): string | undefined {
  return pod.metadata.annotations?.[identityAnnotation];
}

/** Name of the pod's ServiceAccount. If the spec of a pod names none, the API server sets `default`. */
export function serviceAccountOf(pod: Pod): string {
  return pod.spec?.serviceAccountName || 'default';
}

/**
 * Returns the pod with only the fields that `podIdentity`, `podFailure` and their callers read. Trimming is idempotent,
 * and does not change the results of these functions; a property test checks both statements.
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
      schedulerName: spec?.schedulerName === fargateScheduler ? fargateScheduler : undefined,
      // The node's name is kept only for agents and for pods that use an agent. The rest of the spec is the same for
      // all pods of a template.
      nodeName: isAgent(pod) || usesAgent(pod) ? spec?.nodeName : undefined,
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

/** Keeps only projected tokens with an audience. The token for the API server, which every pod has, has no audience. */
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

function trimCondition(condition: ObjectCondition): readonly ObjectCondition[] {
  const { type, status, reason, message } = condition;
  return keptConditions.includes(type) ? [{ type, status, ...defined({ reason, message }) }] : [];
}

/** Drops the start time of containers that have never ended, because it is never read. */
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
