/** Dependencies of all controllers: one Kubernetes client, one set of informers, and the clocks. */
import {
  apps,
  clusterConfigs,
  fieldManager,
  accountLabel,
  appLabel,
  createdAnnotation,
  audienceAnnotation,
  roleArnAnnotation,
  linkedServiceAccounts,
  quarantines,
  managedByLabel,
  managedByValue,
  restartLabel,
  targetLabel,
  type App,
  type ClusterConfig,
  type LinkedServiceAccount,
  type Quarantine,
} from '../api/index.ts';
import type { IdentityError } from '../identity/index.ts';
import {
  createController,
  createInformer,
  resources,
  type Controller,
  type ControllerObserver,
  type ControllerOptions,
  type EventRecorder,
  type Informer,
  type InformerOptions,
  type KubeClient,
  type KubeObject,
  type Logger,
  type Resource,
  type SetTimer,
} from '../kube/index.ts';
import {
  createPodTrimmer,
  deployedAccount,
  rolesHeld,
  serviceAccountOf,
  type Pod,
  type Workload,
} from '../workloads/index.ts';
import { defined } from '../k8s/defined.ts';
import type { Monotonic, Wall } from '../k8s/time.ts';

export type Namespace = KubeObject & { readonly status?: { readonly phase?: string } };

export type Informers = {
  readonly clusterConfigs: Informer<ClusterConfig>;
  readonly accounts: Informer<LinkedServiceAccount>;
  readonly apps: Informer<App>;
  readonly quarantines: Informer<Quarantine>;
  readonly namespaces: Informer<Namespace>;
  readonly serviceAccounts: Informer<KubeObject>;
  readonly pods: Informer<Pod>;
  /** The fields from `deployments` to `ingresses` are the informers of the objects of Apps. */
  readonly deployments: Informer<KubeObject>;
  readonly configMaps: Informer<KubeObject>;
  readonly services: Informer<KubeObject>;
  readonly podDisruptionBudgets: Informer<KubeObject>;
  readonly horizontalPodAutoscalers: Informer<KubeObject>;
  readonly ingresses: Informer<KubeObject>;
  /** This field and the next two are the informers of workloads with the restart label. */
  readonly labelledDeployments: Informer<KubeObject & Workload>;
  readonly statefulSets: Informer<KubeObject & Workload>;
  readonly daemonSets: Informer<KubeObject & Workload>;
};

export type OperatorContext = {
  readonly client: KubeClient;
  readonly informers: Informers;
  readonly recorder: EventRecorder;
  readonly logger: Logger;
  /** Wall clock, for times that are written to objects. */
  readonly now: () => Wall;
  /** Monotonic clock, for delays, time-outs and ages. */
  readonly monotonic: () => Monotonic;
  /** Returns a random number that is at least 0 and less than 1. */
  readonly random: () => number;
  readonly setTimer: SetTimer;
  /** Returns the observer of the named controller. Default: no observer. */
  readonly observerOf?: (controller: string) => ControllerObserver;
  /** Called right before a write to AWS. @throws NotLeadingError when this operator no longer leads */
  readonly assertLeading: () => void;
  /**
   * Exchanges a token of the ServiceAccount at STS, as a new pod would. Resolves with the error if STS refuses the
   * token, or with undefined if STS accepts the token or does not respond.
   */
  readonly exchange: (of: TokenExchange, signal: AbortSignal) => Promise<IdentityError | undefined>;
  /** Namespace of the operator, if known. This namespace cannot be a target. */
  readonly operatorNamespace?: string;
  /**
   * Returns the creation time of the youngest admission policy that guards grants; see `AccountWorld`. Default: the
   * operator does not require the policies.
   */
  readonly admittedSince?: () => Wall;
  /**
   * Returns the schema version of the installed LinkedServiceAccount CRD. Default: the schema version of this operator.
   */
  readonly accountSchemaVersion?: () => number;
};

/** Token exchange at STS: a token of the ServiceAccount for credentials of the role. */
export type TokenExchange = {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly roleArn: string;
};

/** Creates a controller with the clocks, the timers, the log and the metrics of the operator. */
export function controllerOf(
  { monotonic: now, random, setTimer, logger, observerOf }: OperatorContext,
  options: Pick<ControllerOptions, 'name' | 'reconcile' | 'concurrency' | 'reserved'>,
): Controller {
  const observer = observerOf?.(options.name);
  return createController({ ...options, now, random, setTimer, logger, observer });
}

/** Index of Quarantines by the account that they name. */
export const quarantinesByAccount = 'account';

/** Index of pods by their ServiceAccount, as `namespace/name`. */
export const podsByServiceAccount = 'serviceAccount';

/** Index of pods by the ARNs of the roles that they hold by web identity. */
export const podsByRole = 'role';

/** Index by node: pods that use the Pod Identity agent, and the agent pods themselves. */
export const podsByNode = 'node';

/** Index of labelled workloads by the name of the ServiceAccount that their pods use. */
export const workloadsByServiceAccount = 'serviceAccount';

/** Index of Apps by the account that they name. */
export const appsByAccount = 'account';

/** Index of pods by the App that owns them. */
export const podsByApp = 'app';

/** Index of ConfigMaps by the App that owns them. */
export const configMapsByApp = 'app';

/** Index of ServiceAccounts by the account that their label names. */
export const serviceAccountsByAccount = 'account';

/** Client, clocks and log of an informer. */
export type InformerSources = Pick<
  InformerOptions<KubeObject>,
  'client' | 'logger' | 'now' | 'random' | 'setTimer'
>;

export function createInformers(of: InformerSources): Informers {
  const ours = { ...of, labelSelector: `${managedByLabel}=${managedByValue}` };
  const others = { ...of, omitManagedFields: true };
  const labelled = (resource: Resource): Informer<KubeObject & Workload> =>
    createInformer<KubeObject & Workload>({
      ...others,
      resource,
      labelSelector: `${restartLabel}=true`,
      indexers: { [workloadsByServiceAccount]: (workload) => oneOrNone(deployedAccount(workload)) },
    });
  return {
    clusterConfigs: createInformer<ClusterConfig>({ ...of, resource: clusterConfigs }),
    accounts: createInformer<LinkedServiceAccount>({ ...others, resource: linkedServiceAccounts }),
    apps: createInformer<App>({
      ...others,
      resource: apps,
      indexers: { [appsByAccount]: (app) => oneOrNone(app.spec.serviceAccount) },
    }),
    quarantines: createInformer<Quarantine>({
      ...others,
      resource: quarantines,
      // Version 0.1.0 had no Quarantine CRD, and `helm upgrade` does not add CRDs.
      mayBeUnserved: true,
      indexers: { [quarantinesByAccount]: ({ spec }) => [spec.account] },
    }),
    namespaces: createInformer({ ...others, resource: resources.namespaces, trim: trimNamespace }),
    serviceAccounts: createInformer<KubeObject>({
      ...of,
      resource: resources.serviceAccounts,
      trim: trimServiceAccount,
      indexers: { [serviceAccountsByAccount]: labelIndex(accountLabel) },
    }),
    pods: createInformer<Pod>({
      ...others,
      resource: resources.pods,
      trim: createPodTrimmer(),
      indexers: {
        [podsByServiceAccount]: (pod) => [`${pod.metadata.namespace ?? ''}/${serviceAccountOf(pod)}`],
        [podsByRole]: rolesHeld,
        // Trimming removes the node name from all pods that do not belong in this index.
        [podsByNode]: (pod) => oneOrNone(pod.spec?.nodeName),
        [podsByApp]: labelIndex(appLabel),
      },
    }),
    deployments: createInformer({ ...ours, resource: resources.deployments }),
    configMaps: createInformer<KubeObject>({
      ...ours,
      resource: resources.configMaps,
      omitManagedFields: true,
      indexers: { [configMapsByApp]: labelIndex(appLabel) },
    }),
    services: createInformer({ ...ours, resource: resources.services }),
    podDisruptionBudgets: createInformer({ ...ours, resource: resources.podDisruptionBudgets }),
    horizontalPodAutoscalers: createInformer({ ...ours, resource: resources.horizontalPodAutoscalers }),
    ingresses: createInformer({ ...ours, resource: resources.ingresses }),
    labelledDeployments: labelled(resources.deployments),
    statefulSets: labelled(resources.statefulSets),
    daemonSets: labelled(resources.daemonSets),
  };
}

function labelIndex(label: string): (object: Pick<KubeObject, 'metadata'>) => readonly string[] {
  return ({ metadata }) => oneOrNone(metadata.labels?.[label]);
}

function oneOrNone(key: string | undefined): readonly string[] {
  return key === undefined ? [] : [key];
}

export function isBeingDeleted({ metadata, status }: Namespace): boolean {
  return metadata.deletionTimestamp !== undefined || status?.phase === 'Terminating';
}

function trimNamespace({ apiVersion, kind, metadata, status }: Namespace): Namespace {
  const { name, labels, uid, resourceVersion, deletionTimestamp } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...defined({ uid, resourceVersion, deletionTimestamp }),
      labels: entriesOf(labels, [targetLabel, managedByLabel]),
    },
    ...(status?.phase === undefined ? {} : { status: { phase: status.phase } }),
  };
}

/**
 * Keeps only those fields of a ServiceAccount that link it to an account. Reduces the managed fields to the managers of
 * the role annotation.
 */
export function trimServiceAccount(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, labels, annotations, managedFields } = object.metadata;
  const managers = (managedFields ?? []).filter((entry) => {
    const fields = entry.fieldsV1?.['f:metadata'] as Readonly<Record<string, unknown>> | undefined;
    const annotated = fields?.['f:annotations'] as Readonly<Record<string, unknown>> | undefined;
    return annotated !== undefined && `f:${roleArnAnnotation}` in annotated;
  });
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      name,
      ...defined({ namespace, uid, resourceVersion }),
      labels: entriesOf(labels, [accountLabel]),
      annotations: entriesOf(annotations, [roleArnAnnotation, audienceAnnotation, createdAnnotation]),
      managedFields: managers.map(({ manager }) => (manager === undefined ? {} : { manager })),
    },
  };
}

/**
 * Returns the field manager of the role annotation. If several managers own the annotation, returns one other than this
 * operator.
 */
export function roleArnManagerOf(object: KubeObject): string | undefined {
  const managers = (object.metadata.managedFields ?? []).flatMap(({ manager }) => manager ?? []);
  return managers.find((manager) => manager !== fieldManager) ?? managers[0];
}

function entriesOf(
  record: Readonly<Record<string, string>> | undefined,
  keys: readonly string[],
): Record<string, string> {
  return Object.fromEntries(Object.entries(record ?? {}).filter(([key]) => keys.includes(key)));
}
