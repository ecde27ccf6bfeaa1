/** Operator as a process: `kon operator` runs it in the foreground, and the container image runs it in a cluster. */
import { findCondition } from '../k8s/conditions.ts';
import { schemaVersion } from '../api/index.ts';
import { connectAws, createAwsSchedulers, type AwsConnection } from '../aws/index.ts';
import { drainingTargets, effectiveConfig, outdatedMessage } from '../identity/index.ts';
import {
  createEventRecorder,
  createKubeClient,
  createLeaderElector,
  systemTimer,
  type Connection,
  type LeaderElector,
} from '../kube/index.ts';
import { untilAdmissionEnforced } from './await-admission.ts';
import { reportOutdated } from './cluster/report.ts';
import type { OperatorContext } from './context.ts';
import { createEngine } from './engine.ts';
import {
  startHealthServer,
  failedReadinessChecks,
  failedVersionCheck,
  failedLivenessChecks,
} from './health.ts';
import { followCrds, followGrantPolicies } from './installed-objects.ts';
import { createMetrics } from './metrics.ts';
import { shrinkHeapWhenIdle, type Heap } from './shrink-heap.ts';
import { defined } from '../k8s/defined.ts';

export type OperatorOptions = Pick<OperatorContext, 'logger' | 'now' | 'monotonic' | 'random'> & {
  readonly connection: Connection;
  /** When this signal aborts, the operator finishes the reconciles in flight, and then stops. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** Environment variables of the process. They configure the proxies and certificate authorities for AWS calls. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Address that serves `/healthz`, `/readyz` and `/metrics`. Default: the endpoints are not served. Port 0 selects a
   * free port.
   */
  readonly health?: { readonly host: string; readonly port: number };
  /**
   * Lease for leader election. The operator reconciles only while it holds the Lease. `runOperator` rejects when the
   * operator loses the Lease. Default: no leader election.
   */
  readonly lease?: {
    readonly namespace: string;
    readonly name: string;
    /** Identity of this operator in the Lease. It must be unique among the operators of the cluster. */
    readonly identity: string;
    /** Time in milliseconds after which other operators may acquire a Lease that is not renewed. Default: 15 s. */
    readonly durationMs?: number;
  };
  /** If set, the operator reconciles nothing until the API server enforces the admission policies. */
  readonly requireAdmission?: {
    /** Namespace where this operator is permitted to create Leases. */
    readonly namespace: string;
  };
  /** Namespace of the operator, if it runs in the cluster. This namespace cannot be a target. */
  readonly namespace?: string;
  /** Maximum number of accounts, and also of Apps, that are reconciled at the same time. */
  readonly concurrency?: number;
  /** Heap that the operator shrinks after bursts. Default: the operator shrinks no heap. */
  readonly heap?: Heap;
  /** Called when all informers have synced. */
  readonly onStarted?: (started: { readonly healthPort?: number }) => void;
};

/**
 * Region that is used until a ClusterConfig names a region. The region determines the endpoint and the partition of
 * IAM, so any region of the partition `aws` works.
 */
const regionUntilConfigured = 'us-east-1';

/**
 * Client-side rate limit for requests to the API server. The only purpose of the limit is to protect the API server
 * against a bug in the operator. In normal operation, the number of workers bounds the requests, and the API server
 * uses API Priority and Fairness.
 */
const requestRate = { qps: 1_000, burst: 2_000 };

/** Error of an operator that could not renew its Lease in time. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
  constructor() {
    super('the lease was lost: the operator could not renew it in time, so another operator may lead now');
  }
}

/** Error that prevents every write by an operator that is older than the CRDs. */
class OutdatedError extends Error {
  override readonly name = 'OutdatedError';
}

/**
 * Runs the operator until the signal aborts. While the CRDs are newer than this operator, it writes
 * nothing. Otherwise it would undo what a later version wrote to fields and kinds that this operator does not know. It
 * resumes when the CRDs have a version that it knows. The promise rejects if the operator cannot start or continue.
 * @throws LeaseLostError
 */
export async function runOperator(options: OperatorOptions): Promise<void> {
  while ((await runUntilCurrent(options)) === 'current')
    options.logger.info('operator resumes: the CRDs now have a version that this operator knows');
}

async function runUntilCurrent(options: OperatorOptions): Promise<'current' | 'stopped'> {
  const { connection, logger, now, monotonic, random } = options;
  const outdated = new AbortController();
  const current = new AbortController();
  const signal = AbortSignal.any([options.signal, current.signal]);
  const assertMayWrite = (): void => {
    elector?.elector.assertLeading();
    outdated.signal.throwIfAborted();
  };
  const userAgent = `konstellation/${options.version}`;
  const metrics = createMetrics();
  const elector = options.lease && createElector(options, options.lease, userAgent);
  const client = createKubeClient(connection, {
    userAgent,
    random,
    ...requestRate,
    onAttempt: metrics.countRequest,
    beforeWrite: assertMayWrite,
  });
  const recorder = createEventRecorder({
    client,
    now,
    monotonic,
    logger,
    controller: 'k11n.dev/konstellation',
    instance: 'konstellation',
    setTimer: systemTimer,
    busy: () => engine.busy(),
  });
  const schedulers = createAwsSchedulers({
    now: monotonic,
    random,
    setTimer: systemTimer,
    onCall: metrics.countAwsCall,
  });
  const byRegion = new Map<string, AwsConnection>();
  const awsIn = (region: string): AwsConnection => {
    const known = byRegion.get(region);
    if (known) return known;
    const made = connectAws({
      region,
      userAgent,
      env: options.env,
      now: monotonic,
      schedulers,
      beforeWrite: assertMayWrite,
      releaseBuffers: options.heap?.releaseBuffers,
    });
    byRegion.set(region, made);
    return made;
  };
  const sources = { client, logger, now: monotonic, random, setTimer: systemTimer };
  const policies = options.requireAdmission && followGrantPolicies(sources);
  const definitions = followCrds(sources);
  const installed = [...definitions.informers, ...(policies?.informers ?? [])];
  const compareSchemas = (): void => {
    const version = definitions.schemaVersion();
    if (version > schemaVersion) outdated.abort(new OutdatedError(outdatedMessage(version, schemaVersion)));
    else if (outdated.signal.aborted) current.abort();
  };
  const engine = createEngine({
    client,
    recorder,
    logger,
    now,
    monotonic,
    random,
    setTimer: systemTimer,
    observerOf: metrics.observerOf,
    assertLeading: assertMayWrite,
    ...defined({
      operatorNamespace: options.namespace,
      admittedSince: policies?.admittedSince,
      concurrency: options.concurrency,
    }),
    accountSchemaVersion: definitions.accountSchemaVersion,
    aws: ({ clusterConfigs }, caller) =>
      awsIn(effectiveConfig(clusterConfigs.store.list())?.spec.aws.region ?? regionUntilConfigured).as(
        caller,
      ),
    limited: () => schedulers.iam.figures().ratePerSecond !== undefined,
    onInSyncChanged: metrics.countInSync,
    onLeftovers: metrics.setLeftovers,
  });
  const health = options.health
    ? await startHealthServer({
        ...options.health,
        logger,
        unhealthy: () => failedLivenessChecks(engine.controllers),
        notReady: () => [
          ...failedReadinessChecks([...engine.watched, ...installed], monotonic()),
          ...failedVersionCheck(definitions.schemaVersion(), schemaVersion),
        ],
        metrics: () => {
          const list = engine.informers.accounts.store.list();
          const count = (status: string): number =>
            list.filter(
              (account) => (findCondition(account.status?.conditions, 'Ready')?.status ?? 'False') === status,
            ).length;
          return metrics.text({
            accounts: { ready: count('True'), notReady: count('False'), unknown: count('Unknown') },
            outdated: outdated.signal.aborted,
            drift: engine.driftChecks(),
            draining: drainingTargets(list),
            now: now(),
            aws: Object.values(schedulers).map((scheduler) => scheduler.figures()),
            controllers: engine.controllers,
            lead: elector && {
              name: elector.name,
              leading: elector.elector.isLeading(),
              leaseAgeMs: elector.elector.ageMs(),
            },
          });
        },
      })
    : undefined;

  const over = new AbortController();
  let leads = false;
  try {
    const installedFollowed = Promise.all(installed.map((informer) => informer.start(signal)));
    const { followed } = await engine.follow(signal);
    await Promise.all(installed.map((informer) => informer.synced));
    for (const informer of definitions.informers) informer.onChange(compareSchemas);
    compareSchemas();
    logger.info('operator started', { server: connection.server, version: options.version });
    options.onStarted?.(health ? { healthPort: health.port } : {});
    if (options.heap) {
      const isIdle = (): boolean => !leads || engine.idle();
      const memory = { heap: options.heap, isIdle, now: monotonic, setTimer: systemTimer };
      void shrinkHeapWhenIdle(memory, over.signal);
    }
    const pause = async (leading: AbortSignal): Promise<void> => {
      logger.error('operator paused', { error: outdated.signal.reason as Error });
      const config = effectiveConfig(engine.informers.clusterConfigs.store.list());
      if (!config) return;
      const reporting = createKubeClient(connection, {
        userAgent,
        random,
        beforeWrite: () => elector?.elector.assertLeading(),
      });
      const installedVersion = definitions.schemaVersion();
      const report = { installed: installedVersion, own: schemaVersion, now: now(), signal: leading };
      try {
        await reportOutdated(reporting, config, report);
      } finally {
        await reporting.close();
      }
    };
    const lead = async (leading: AbortSignal): Promise<void> => {
      leads = true;
      logger.info('operator leads');
      const working = AbortSignal.any([leading, outdated.signal]);
      if (options.requireAdmission)
        await untilAdmissionEnforced(client, {
          ...options.requireAdmission,
          logger,
          setTimer: systemTimer,
          signal: working,
        });
      if (!working.aborted) await engine.work(working);
      if (outdated.signal.aborted && !leading.aborted) await pause(leading);
    };
    if (elector) {
      const end = await elector.elector.run(signal, lead);
      // Another operator may lead now and change the state that this process has observed. Therefore this process ends
      // and has to be restarted.
      if (end === 'lost') throw new LeaseLostError();
    } else {
      await lead(signal);
    }
    // A paused operator releases the Lease, so that an operator that knows the installed CRDs can lead. The paused
    // operator does not acquire the Lease again.
    await Promise.all([followed, installedFollowed]);
  } catch (error) {
    // A stop before the informers are in sync is not a failure.
    if (!signal.aborted) throw error;
  } finally {
    over.abort();
    await recorder.flush();
    await health?.close();
    for (const connection of byRegion.values()) connection.close();
    await client.close();
    await elector?.close();
    logger.info('operator stopped');
  }
  return options.signal.aborted ? 'stopped' : 'current';
}

/**
 * Creates the leader elector. It has its own Kubernetes client, so that renewals of the Lease never wait for other
 * requests.
 */
function createElector(
  { connection, logger, now, monotonic, random }: OperatorOptions,
  lease: NonNullable<OperatorOptions['lease']>,
  userAgent: string,
): { readonly elector: LeaderElector; readonly name: string; close(): Promise<void> } {
  const client = createKubeClient(connection, { userAgent: `${userAgent} leader-election`, random });
  const { namespace, name, identity, durationMs = 15_000 } = lease;
  const elector = createLeaderElector({
    client,
    namespace,
    name,
    identity,
    leaseDurationMs: durationMs,
    renewDeadlineMs: (durationMs * 2) / 3,
    retryPeriodMs: (durationMs * 2) / 15,
    now: monotonic,
    wallClock: now,
    random,
    logger,
  });
  return { elector, name, close: () => client.close() };
}
