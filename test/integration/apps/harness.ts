/**
 * A real API server with the real Deployment, ReplicaSet and garbage collection controllers, and the App controller.
 * The tests replace the rest: the account controller (by writing account statuses), the kubelet (which marks a new pod
 * ready immediately, unless a test changes this), and the webhook (the sandbox's webhook, over TLS, with
 * ServiceAccounts that the test sets).
 */
import {
  apiVersion,
  apps,
  clusterConfigs,
  crds,
  linkedServiceAccounts,
  type App,
  type AppSpec,
  type ClusterConfig,
  type LinkedServiceAccount,
  type TargetStatus,
} from '../../../src/api/index.ts';
import {
  createEventRecorder,
  createKubeClient,
  isNotFound,
  loadConnection,
  resources,
  silentLogger,
  systemTimer,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '../../../src/kube/index.ts';
import { createAppController } from '../../../src/operator/app/controller.ts';
import { createInformers, type OperatorContext } from '../../../src/operator/context.ts';
import { createRolloutController } from '../../../src/operator/rollout/controller.ts';
import { createRolloutGroups } from '../../../src/operator/rollout/observe.ts';
import { baseEnvironment } from '../../../sandbox/src/environment.ts';
import { startControlPlane } from '../../support/cluster.ts';
import { eventually } from './eventually.ts';
import { knowing, playKubelet, startControllers, startWebhook, type Loose } from './parts.ts';
import { monotonicClock, wallClock } from '../../../src/k8s/testing/clocks.ts';

const targets = ['production', 'staging'];

export type Harness = {
  readonly client: KubeClient;
  /**
   * Roles that the webhook knows, by `namespace/serviceAccount`. The webhook does not change pods of other
   * ServiceAccounts.
   */
  readonly rolesKnownToWebhook: Map<string, string>;
  /** Images whose pods never become ready. */
  readonly brokenImages: Map<string, 'missing' | 'crashing'>;
  /** Polls `predicate` until it returns a value, and returns that value. Fails with `what` after 20 seconds. */
  eventually<T>(what: string, predicate: () => Promise<T | undefined | false>): Promise<T>;
  createApp(name: string, spec: Partial<AppSpec>): Promise<App>;
  editApp(name: string, change: object): Promise<App>;
  /** Creates the account and writes its linked and proven targets into its status, as the account controller would. */
  putAccount(name: string, rows: readonly Partial<TargetStatus>[]): Promise<LinkedServiceAccount>;
  get(resource: Resource, target: string, name: string): Promise<Loose | undefined>;
  app(name: string): Promise<App>;
  /** Waits until the App's status reports that the App is ready. */
  untilReady(name: string): Promise<App>;
  untilReason(name: string, reason: string): Promise<App>;
  pods(app: string, target?: string): Promise<readonly Loose[]>;
  replicaSets(app: string, target?: string): Promise<readonly Loose[]>;
  /** Starts the App controller. Starting it repeatedly simulates restarts of the operator. */
  startOperator(): Promise<{ stop(): Promise<void> }>;
  /** Returns the operator's writes that the API server has executed since the harness started. */
  writes(): readonly string[];
  stop(): Promise<void>;
};

export async function startHarness(): Promise<Harness> {
  const env = baseEnvironment(process.env);
  const cleanups: (() => Promise<unknown>)[] = [];
  const stopAll = async (): Promise<void> => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  };
  try {
    const cluster = await startControlPlane();
    cleanups.push(() => cluster.stop());
    const connection = await loadConnection({ kubeconfig: cluster.kubeconfig, env });
    const client = createKubeClient(connection, { now: monotonicClock, random: Math.random });
    cleanups.push(() => client.close());
    await installResources(client);
    cleanups.push(await startControllers(cluster.kubeconfig, env));

    const abort = new AbortController();
    const brokenImages = new Map<string, 'missing' | 'crashing'>();
    const kubelet = playKubelet(client, brokenImages, abort.signal);
    const rolesKnownToWebhook = new Map<string, string>();
    cleanups.push(await startWebhook(client, knowing(rolesKnownToWebhook)));
    cleanups.push(async () => {
      abort.abort();
      await kubelet;
    });
    const writes: string[] = [];
    return {
      rolesKnownToWebhook,
      brokenImages,
      writes: () => writes,
      stop: stopAll,
      ...actions(client),
      startOperator: () => startOperator(recording(client, writes)),
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function installResources(client: KubeClient): Promise<void> {
  for (const crd of crds())
    await client.apply<KubeObject>(resources.customResourceDefinitions, crd, {
      fieldManager: 'test',
    });
  for (const name of targets)
    await client.create<KubeObject>(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    });
  const config: ClusterConfig = {
    apiVersion,
    kind: 'ClusterConfig',
    metadata: { name: 'test' },
    spec: {
      targets,
      aws: { region: 'eu-west-1', rolePath: '/konstellation/', driftIntervalSeconds: 60 },
    },
  };
  await eventually('the definitions are served', async () => {
    try {
      for (const resource of [apps, clusterConfigs, linkedServiceAccounts]) await client.list(resource);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  });
  await client.create<KubeObject>(clusterConfigs, config);
}

async function startOperator(client: KubeClient): Promise<{ stop(): Promise<void> }> {
  const abort = new AbortController();
  const common = {
    client,
    logger: silentLogger,
    now: wallClock,
    monotonic: monotonicClock,
    random: Math.random,
    setTimer: systemTimer,
  };
  const recorder = createEventRecorder({
    ...common,
    controller: 'k11n.dev/konstellation',
    instance: 'test',
  });
  const informers = createInformers({ ...common, now: monotonicClock });
  const context: OperatorContext = {
    ...common,
    informers,
    recorder,
    assertLeading: () => undefined,
    exchange: () => Promise.resolve(undefined),
  };
  const groups = createRolloutGroups(context);
  const apps = createAppController(context, groups, 8);
  const rollouts = createRolloutController(context, {
    groups,
    enqueueApp: (name) => apps.enqueue(name),
    enqueueAccount: () => undefined,
  });
  const all = Object.values(informers);
  const running = all.map((informer) => informer.start(abort.signal));
  await Promise.all(all.map((informer) => informer.synced));
  const controlling = Promise.all([apps, rollouts].map((controller) => controller.start(abort.signal)));
  return {
    async stop() {
      abort.abort();
      await Promise.all([...running, controlling]);
      await recorder.flush();
    },
  };
}

/** Wraps the client so that it records all writes except writes of Events. */
function recording(client: KubeClient, writes: string[]): KubeClient {
  const note = (
    verb: string,
    resource: Resource,
    ref: { namespace?: string | undefined; name: string },
  ): void => {
    if (resource.kind !== 'Event') writes.push(`${verb} ${resource.kind} ${ref.namespace ?? ''}/${ref.name}`);
  };
  return {
    ...client,
    apply(resource, object, options) {
      note(options.subresource ? `apply ${options.subresource} of` : 'apply', resource, object.metadata);
      return client.apply(resource, object, options);
    },
    delete(resource, ref, options) {
      note('delete', resource, ref);
      return client.delete(resource, ref, options);
    },
    create(resource, object, options) {
      if (!options?.dryRun) note('create', resource, object.metadata);
      return client.create(resource, object, options);
    },
  };
}

function actions(
  client: KubeClient,
): Omit<Harness, 'rolesKnownToWebhook' | 'brokenImages' | 'writes' | 'stop' | 'startOperator'> {
  const app = (name: string): Promise<App> => client.get<App>(apps, { name });
  const conditionOf = (of: App, type: string): { status: string; reason: string } | undefined =>
    of.status?.conditions?.find((entry) => entry.type === type);
  const isSeen = (of: App): boolean => of.status?.observedGeneration === of.metadata.generation;
  const listOf = async (resource: Resource, name: string, target: string): Promise<readonly Loose[]> =>
    (await client.list<Loose>(resource, { namespace: target, labelSelector: `k11n.dev/app=${name}` })).items;
  return {
    client,
    eventually,
    app,
    createApp: (name, spec) =>
      client.create<App>(apps, {
        apiVersion,
        kind: 'App',
        metadata: { name },
        spec: {
          image: 'example.com/web',
          targets: [{ name: 'production', deployMode: 'latest' }],
          ...spec,
        },
      }),
    editApp: (name, change) => client.patch<App>(apps, { name }, change, { type: 'merge' }),
    async putAccount(name, rows) {
      const object: LinkedServiceAccount = {
        apiVersion,
        kind: 'LinkedServiceAccount',
        metadata: { name },
        spec: { aws: { policyArns: [] }, deletionPolicy: 'Delete' },
      };
      await client.apply<LinkedServiceAccount>(linkedServiceAccounts, object, { fieldManager: 'test' });
      const status = {
        targets: rows.map((row) => ({ name: 'production', linked: true, proven: true, ...row })),
      };
      return client.patch<LinkedServiceAccount>(
        linkedServiceAccounts,
        { name },
        { status },
        { type: 'merge', subresource: 'status' },
      );
    },
    async get(resource, namespace, name) {
      try {
        return await client.get<Loose>(resource, { namespace, name });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    untilReady: (name) =>
      eventually(`app ${name} is ready`, async () => {
        const seen = await app(name);
        return isSeen(seen) && conditionOf(seen, 'Ready')?.status === 'True' && seen;
      }),
    untilReason: (name, reason) =>
      eventually(`app ${name} is not ready because of ${reason}`, async () => {
        const seen = await app(name);
        const ready = conditionOf(seen, 'Ready');
        return isSeen(seen) && ready?.status === 'False' && ready.reason === reason && seen;
      }),
    pods: (name, target = 'production') => listOf(resources.pods, name, target),
    replicaSets: (name, target = 'production') => listOf(resources.replicaSets, name, target),
  };
}
