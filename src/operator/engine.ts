/**
 * Operator without a process: informers and controllers over a given Kubernetes client and given AWS clients. The
 * engine has no HTTP server and no clock of its own: `operator.ts` runs it against a cluster, and a simulation runs it
 * in virtual time.
 */
import { findCondition } from '../k8s/conditions.ts';
import type { Caller, PodIdentityAws } from '../aws/index.ts';
import {
  IdentityError,
  type CloudAccount,
  type DriftCheck,
  type IdentityErrorCode,
  type IdentityProver,
  type LeftoverKind,
  type RoleStore,
} from '../identity/index.ts';
import type { Controller, Informer, KubeObject } from '../kube/index.ts';
import { createObservedState } from './observed-state/index.ts';
import { createAccountController } from './account/controller.ts';
import { createAssociationPass } from './resync/associations.ts';
import { createAppController } from './app/controller.ts';
import { createClusterController } from './cluster/controller.ts';
import { createInformers, type Informers, type OperatorContext } from './context.ts';
import { createTokenExchange } from './account/prove-identity.ts';
import { createResync } from './resync/resync.ts';
import { createRolePass } from './resync/roles.ts';
import { createProviderPass } from './resync/oidc-provider.ts';
import { createRolloutController } from './rollout/controller.ts';
import { createRolloutGroups } from './rollout/observe.ts';
import { replacementBlocker } from './rollout/dry-run-pod.ts';

export type Aws = {
  readonly roles: RoleStore;
  readonly prover: IdentityProver;
  readonly account: CloudAccount;
  /** Returns the EKS Pod Identity API of the named cluster. Default: the cluster is not an EKS cluster. */
  readonly podIdentity?: (clusterName: string) => PodIdentityAws;
};

export type EngineOptions = Omit<OperatorContext, 'informers' | 'exchange'> & {
  /**
   * Returns AWS clients in the region of the current ClusterConfig. `caller` is the owner and the priority of their
   * calls.
   */
  readonly aws: (informers: Informers, caller: Caller) => Aws;
  /** Maximum number of accounts, and also of Apps, that are reconciled at the same time. Default: 32. */
  readonly concurrency?: number;
  /** Whether IAM is known to limit the rate of calls. */
  readonly limited?: () => boolean;
  /**
   * Called when an account becomes ready with a new or changed spec. `tookMs` is the time since that spec was first
   * seen.
   */
  readonly onInSyncChanged?: (tookMs: number) => void;
  /**
   * Called after a listing of IAM roles. `counts` has, for each kind, the number of this cluster's roles that have no
   * account.
   */
  readonly onLeftovers?: (counts: Readonly<Record<LeftoverKind, number>>) => void;
};

export type Engine = {
  readonly informers: Informers;
  readonly controllers: readonly Controller[];
  /** All informers. `/readyz` reports those that are not in sync. */
  readonly watched: readonly Informer<KubeObject>[];
  /** Returns the outcomes of drift detection. Empty while this process does not lead. */
  driftChecks(): readonly DriftCheck[];
  /** Whether accounts wait for a worker. */
  busy(): boolean;
  /** Whether no controller works on a key, and no key waits for a worker. */
  idle(): boolean;
  /** Watches the cluster until the signal aborts. Resolves when all informers have synced. */
  follow(signal: AbortSignal): Promise<{ readonly followed: Promise<unknown> }>;
  /** Reconciles until the signal aborts, then finishes the reconciles in flight. */
  work(signal: AbortSignal): Promise<void>;
};

const clusterWideErrors: ReadonlySet<IdentityErrorCode> = new Set(['OIDCProviderMissing', 'WrongAccount']);

export function createEngine(options: EngineOptions): Engine {
  const { aws: awsOf, concurrency = 32, limited, onInSyncChanged, onLeftovers, ...rest } = options;
  const informers = createInformers({ ...rest, now: rest.monotonic });
  const aws = (caller: Caller): Aws => awsOf(informers, caller);
  const context: OperatorContext = {
    ...rest,
    informers,
    exchange: createTokenExchange({
      client: rest.client,
      proverOf: (account) => aws({ owner: account, priority: 'in-progress' }).prover,
      onRefusal: (error) => recheckCluster(error),
    }),
  };
  const observed = createObservedState(context);
  const resyncCaller: Caller = { owner: 'resync', priority: 'resync' };
  /**
   * Rechecks the ClusterConfig at once if a call for an account fails with an AWS error that concerns the whole
   * cluster. Otherwise the ClusterConfig is rechecked only every few minutes. A ClusterConfig that already reports a
   * problem is not rechecked at once.
   */
  const recheckCluster = (error: unknown): void => {
    if (!(error instanceof IdentityError) || !clusterWideErrors.has(error.code)) return;
    for (const { metadata, status } of informers.clusterConfigs.store.list())
      if (findCondition(status?.conditions, 'Ready')?.status === 'True') clusters.enqueue(metadata.name);
  };
  const resync = createResync({
    context,
    passes: [
      createRolePass({
        context,
        cache: observed.roles,
        aws: (accountId) => aws({ ...resyncCaller, accountId }).roles,
        onLeftovers,
      }),
      createAssociationPass({
        context,
        cache: observed.associations,
        aws: ({ name, accountId }) => aws({ ...resyncCaller, accountId }).podIdentity?.(name).associations,
      }),
      createProviderPass({
        context,
        aws: (accountId) => aws({ ...resyncCaller, accountId }).account,
        onChange: () => {
          for (const name of informers.clusterConfigs.store.keys()) clusters.enqueue(name);
        },
      }),
    ],
    onFailure: recheckCluster,
    onChecked: () => clusters.driftChecked(),
    onSuspects(suspects) {
      for (const name of suspects === 'all' ? informers.accounts.store.keys() : suspects)
        accounts.enqueue(name);
    },
  });
  const groups = createRolloutGroups(context);
  const accounts = createAccountController({
    context,
    observed,
    aws,
    hasSynced: resync.hasSynced,
    isLimited: limited,
    onInSync: onInSyncChanged,
    onFailure: recheckCluster,
    rolloutsOf: (name) => groups.rollouts(name),
    replacementBlocker: (name, signal) => replacementBlocker(groups.workloads(name), context, signal),
    concurrency,
  });
  const clusters = createClusterController({
    context,
    // The few AWS calls about the cluster have the highest priority, since all accounts wait for them.
    aws: () => aws({ owner: 'cluster', priority: 'interactive' }).account,
    driftChecks: resync.checks,
  });
  const apps = createAppController(context, groups, concurrency);
  const rollouts = createRolloutController(context, {
    groups,
    enqueueApp: (name) => apps.enqueue(name),
    enqueueAccount: (name) => accounts.enqueue(name),
  });
  const controllers: readonly Controller[] = [clusters, ...resync.controllers, accounts, apps, rollouts];
  const all: readonly Informer<KubeObject>[] = Object.values(informers);

  return {
    informers,
    controllers,
    watched: all,
    driftChecks: resync.checks,
    busy: () => accounts.waiting() > 0,
    idle: () => controllers.every((controller) => controller.waiting() === 0 && controller.working() === 0),
    async follow(signal) {
      const followed = Promise.all(all.map((informer) => informer.start(signal)));
      await Promise.all(all.map((informer) => informer.synced));
      return { followed };
    },
    async work(signal) {
      await Promise.all(controllers.map((controller) => controller.start(signal)));
    },
  };
}
