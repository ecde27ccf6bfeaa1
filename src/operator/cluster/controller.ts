/** Keeps a ClusterConfig's status true, and makes the namespaces of its targets. */
import {
  clusterConfigs,
  fieldManager,
  managedByLabel,
  managedByValue,
  targetLabel,
  type ClusterConfig,
  type LinkedServiceAccount,
  type ClusterConfigStatus,
} from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import {
  asIdentityError,
  effectiveConfig,
  IdentityError,
  oidcProviderArn,
  planCluster,
  providerCondition,
  type Answer,
  type CloudAccount,
  type ClusterWorld,
  type DriftCheck,
} from '../../identity/index.ts';
import {
  createController,
  KubeApiError,
  resources,
  type Controller,
  type KubeObject,
  type ReconcileResult,
} from '../../kube/index.ts';
import type { OperatorContext } from '../context.ts';
import { createWriteThroughCache } from '../observed-state/write-through-cache.ts';
import { reportStatus } from '../report-status.ts';

/** Issuer, credentials, provider and quotas change rarely; a problem with them is looked at more often. Milliseconds. */
const recheckMs = { ready: 300_000, notReady: 10_000 };

/** A narrower list of allowed policies changes many accounts, which are counted together. Milliseconds. */
const disallowedDelayMs = 5_000;

export type ClusterControllerOptions = {
  readonly context: OperatorContext;
  readonly aws: () => CloudAccount;
  /** Outcome of drift detection in this process. */
  readonly driftChecks: () => readonly DriftCheck[];
};

export type ClusterController = Controller & {
  /** Reports what became of drift detection, without asking AWS anew. */
  readonly driftChecked: () => void;
};

export function createClusterController(options: ClusterControllerOptions): ClusterController {
  const { context, aws, driftChecks } = options;
  const { client, informers, now } = context;
  /** Names for which AWS and the API server have to be asked anew. */
  const due = new Set<string>();
  /** The last answers, and until when they serve. */
  const observed = new Map<string, { readonly world: ClusterWorld; readonly until: number }>();
  const configs = createWriteThroughCache<ClusterConfig>(informers.clusterConfigs, context.monotonic);

  const namespaces = (): ClusterWorld['namespaces'] =>
    informers.namespaces.store.list().map((namespace) => ({
      name: namespace.metadata.name,
      labelled: namespace.metadata.labels?.[targetLabel] === namespace.metadata.name,
      terminating:
        namespace.metadata.deletionTimestamp !== undefined || namespace.status?.phase === 'Terminating',
    }));

  /** Undefined when the API server did not answer: no account shall stop for that. */
  async function observe(config: ClusterConfig, signal: AbortSignal): Promise<ClusterWorld | undefined> {
    const oldest = effectiveConfig(informers.clusterConfigs.store.list());
    const [issuer, caller] = await Promise.all([
      discoverIssuer(signal),
      answer(aws().callerIdentity(signal)),
    ]);
    if (!issuer) return undefined;
    const known = issuer.ok && caller.ok;
    const [provider, quotas] = await Promise.all([
      known
        ? answer(aws().oidcProvider(oidcProviderArn({ ...caller.value, issuer: issuer.value }), signal))
        : Promise.resolve(undefined),
      caller.ok ? answer(aws().quotas(signal)) : Promise.resolve(undefined),
    ]);
    return {
      now: now(),
      config,
      ...(context.operatorNamespace === undefined ? {} : { operatorNamespace: context.operatorNamespace }),
      ...(oldest && oldest.metadata.name !== config.metadata.name ? { older: oldest.metadata.name } : {}),
      issuer,
      caller,
      ...(provider ? { provider } : {}),
      ...(quotas ? { quotas } : {}),
      disallowed: disallowedIn(informers.accounts.store.list()),
      namespaces: namespaces(),
    };
  }

  /** The API server tells who signs its tokens; on EKS this is the cluster's OIDC issuer. */
  /** What the API server says of its issuer, or why it says none. Undefined when it does not answer, which tells nothing about it. */
  async function discoverIssuer(signal: AbortSignal): Promise<Answer<string> | undefined> {
    const path = '/.well-known/openid-configuration';
    const unknown = (what: string): Answer<string> => ({
      ok: false,
      error: new IdentityError('Unexpected', what),
    });
    try {
      const { status, body } = await client.raw({ method: 'GET', path, signal });
      if (status !== 200) throw new KubeApiError({ code: status, message: body.slice(0, 200) });
      const issuer = issuerIn(body);
      return issuer === undefined
        ? unknown(`${path} of the API server names no issuer`)
        : { ok: true, value: issuer };
    } catch (error) {
      if (error instanceof KubeApiError && error.status !== 429 && error.status < 500)
        return unknown(`the API server answered ${path} with ${error.status}: ${error.message}`);
      if (signal.aborted) throw error;
      context.logger.warn('the API server did not tell its token issuer', { error });
      return undefined;
    }
  }

  async function reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const isDue = due.delete(name);
    try {
      return await reconcileOnce(name, isDue, signal);
    } catch (error) {
      due.add(name);
      throw error;
    }
  }

  async function reconcileOnce(name: string, isDue: boolean, signal: AbortSignal): Promise<ReconcileResult> {
    const config = configs.get(name);
    if (!config || config.metadata.deletionTimestamp !== undefined) {
      observed.delete(name);
      return undefined;
    }
    const last = observed.get(name);
    const serves =
      last !== undefined &&
      !isDue &&
      context.monotonic() < last.until &&
      last.world.config.metadata.generation === config.metadata.generation;
    const answers = serves ? last.world : await observe(config, signal);
    if (!answers) {
      due.add(name);
      return { requeueAfterMs: recheckMs.notReady };
    }
    const world = {
      ...answers,
      config,
      now: now(),
      disallowed: disallowedIn(informers.accounts.store.list()),
      namespaces: namespaces(),
      drift: driftChecks(),
    };
    const plan = planCluster(world);
    const failed = await applyNamespaces(plan.applyNamespaces, signal);
    const ready = plan.status.conditions?.some(
      (condition) => condition.type === 'Ready' && condition.status === 'True',
    );
    if (await reportStatus(clusterConfigs, config, plan.status, { client, cache: configs, signal })) {
      context.logger.info('cluster status changed', {
        cluster: name,
        ready: ready === true,
        message: plan.status.conditions?.[0]?.message,
      });
      reportProvider(config, plan.status);
    }
    const pace = ready ? recheckMs.ready : recheckMs.notReady;
    const until = serves ? last.until : context.monotonic() + pace;
    observed.set(name, { world, until });
    return failed ? { backoff: true } : { requeueAfterMs: Math.max(0, until - context.monotonic()) };
  }

  function reportProvider(config: ClusterConfig, status: ClusterConfigStatus): void {
    const before = findCondition(config.status?.conditions, providerCondition);
    const after = findCondition(status.conditions, providerCondition);
    if (after?.status !== 'False' || after.reason === before?.reason) return;
    context.recorder.event(config, { type: 'Warning', reason: after.reason, note: after.message });
  }

  /** One that cannot be written holds up neither the others nor the status. True when there was one. */
  async function applyNamespaces(targets: readonly string[], signal: AbortSignal): Promise<boolean> {
    let failed = false;
    for (const target of targets) {
      try {
        await applyNamespace(target, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        failed = true;
        context.logger.warn('writing the namespace of a target failed', { target, error });
      }
    }
    return failed;
  }

  /** Makes the namespace, or puts our label on the one that is there; nothing else of it is ours. */
  async function applyNamespace(target: string, signal: AbortSignal): Promise<void> {
    const existing = informers.namespaces.store.get(target);
    // One that we made stays marked so: what an apply leaves out, it takes off.
    const isOurs = !existing || existing.metadata.labels?.[managedByLabel] === managedByValue;
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: target,
        labels: { [targetLabel]: target, ...(isOurs ? { [managedByLabel]: managedByValue } : {}) },
      },
    };
    await client.apply(resources.namespaces, object, { fieldManager, signal });
  }

  const controller = createController({
    name: 'clusters',
    observer: context.observerOf?.('clusters'),
    reconcile,
    concurrency: 1,
    now: context.monotonic,
    random: context.random,
    setTimer: context.setTimer,
    logger: context.logger,
  });
  const enqueue: Controller['enqueue'] = (key, enqueueOptions) => {
    due.add(key);
    controller.enqueue(key, enqueueOptions);
  };
  const enqueueAll = (): void => {
    for (const key of informers.clusterConfigs.store.keys()) enqueue(key);
  };
  // A status that we wrote ourselves needs no second look; one of the process before us may be what we have not seen yet.
  informers.clusterConfigs.onChange((change) => {
    if (change.old?.metadata.generation !== change.new?.metadata.generation || !change.new) enqueueAll();
    else if (!configs.isOwn(change)) enqueue(change.key);
  });
  informers.accounts.onChange((change) => {
    const count = (account: typeof change.new): number => disallowedIn(account ? [account] : []).policies;
    if (count(change.old) === count(change.new)) return;
    for (const key of informers.clusterConfigs.store.keys())
      controller.enqueue(key, { afterMs: disallowedDelayMs });
  });
  informers.namespaces.onChange((change) => {
    const isTarget = informers.clusterConfigs.store
      .list()
      .some((config) => config.spec.targets.includes(change.key));
    // Without its label a target is closed to the operator, by the admission policy that confines it.
    const labelOf = (namespace: KubeObject | undefined): string | undefined =>
      namespace?.metadata.labels?.[targetLabel];
    if (isTarget && (!change.old || !change.new || labelOf(change.old) !== labelOf(change.new))) enqueueAll();
  });
  return {
    ...controller,
    enqueue,
    driftChecked() {
      for (const key of informers.clusterConfigs.store.keys()) controller.enqueue(key);
    },
  };
}

function disallowedIn(accounts: readonly LinkedServiceAccount[]): {
  readonly policies: number;
  readonly accounts: number;
} {
  const counts = accounts
    .map(
      ({ status }) =>
        status?.policies?.filter(({ attached, reason }) => attached && reason === 'PolicyNotAllowed')
          .length ?? 0,
    )
    .filter((count) => count > 0);
  return { policies: counts.reduce((sum, count) => sum + count, 0), accounts: counts.length };
}

/** Source: OpenID Connect Discovery 1.0, §4.2. */
function issuerIn(discovery: string): string | undefined {
  try {
    const document: unknown = JSON.parse(discovery);
    const issuer =
      typeof document === 'object' && document !== null && 'issuer' in document ? document.issuer : undefined;
    return typeof issuer === 'string' ? issuer : undefined;
  } catch {
    return undefined;
  }
}

async function answer<T>(question: Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await question };
  } catch (error) {
    return { ok: false, error: asIdentityError(error) };
  }
}
