/**
 * Looks at the Pod Identity associations of the cluster, at the pace that the ClusterConfig sets: by one listing, and by one
 * association after the other for what listings leave out. Where nothing uses Pod Identity too, because an association goes
 * before the annotation, whoever made it; but seldom, and at once when a pod shows that there is one.
 */
import {
  clusterState,
  effectiveConfig,
  IdentityError,
  type AssociationStore,
  type ClusterFacts,
} from '../identity/index.ts';
import { createController, type Controller } from '../kube/index.ts';
import { identitiesHeld, serviceAccountOf, type Pod } from '../workloads/index.ts';
import type { AssociationBeliefs } from './accounts/association-beliefs.ts';
import type { OperatorContext } from './context.ts';

const theOnlyKey = 'associations';

/** How long EKS is not asked again where it may not be, or knows no such cluster; that may change. Milliseconds. */
const deniedForMs = 15 * 60_000;

/** By how much seldomer it is looked where nothing uses Pod Identity. */
const idleFactor = 10;

export type AssociationSweep = {
  readonly controller: Controller;
  /** Whether the associations of the cluster as it is configured now have been looked at, could not be, or do not matter. */
  readonly surveyed: () => boolean;
};

export function createAssociationSweep(options: {
  readonly context: OperatorContext;
  readonly beliefs: AssociationBeliefs;
  /** Undefined where there is no EKS. */
  readonly aws: (clusterName: string) => AssociationStore | undefined;
  /** Called after the first sweep of a cluster, and with the accounts whose associations seem changed after any. */
  readonly onSuspicion: (accounts: readonly string[] | 'all') => void;
}): AssociationSweep {
  const { context, beliefs, aws, onSuspicion } = options;
  const { informers, logger, now } = context;
  let surveyed: string | undefined;
  let clusterArn: string | undefined;
  let deniedAt: number | undefined;

  const clusterOf = ({ clusterArn, identityMode }: ClusterFacts): string => `${clusterArn} ${identityMode}`;
  const current = (): string | undefined => {
    const state = clusterState(informers.clusterConfigs.store.list());
    return state.ok ? clusterOf(state.facts) : undefined;
  };

  /** Pod Identity is wanted somewhere, or at work. */
  const isUsed = (): boolean => {
    const state = clusterState(informers.clusterConfigs.store.list());
    if (state.ok && state.facts.identityMode === 'PodIdentity') return true;
    return informers.accounts.store
      .list()
      .some(
        ({ spec, status }) =>
          spec.aws.identityMode === 'PodIdentity' ||
          status?.targets?.some(({ identityMode }) => identityMode === 'PodIdentity'),
      );
  };

  const sweep = async (
    facts: ClusterFacts,
    first: boolean,
    signal: AbortSignal,
  ): Promise<readonly string[]> => {
    if (deniedAt !== undefined && !first && now() - deniedAt < deniedForMs) return [];
    const store = aws(facts.name);
    if (!store) return [];
    const snapshot = await store.list(signal);
    deniedAt = undefined;
    const suspects = new Set(beliefs.learn(snapshot));
    if (first) return [...suspects];
    const next = beliefs.longestUnread();
    if (next && beliefs.read(next, await store.read(next, signal, next.id)))
      suspects.add(next.serviceAccount);
    return [...suspects];
  };

  const controller = createController({
    name: 'associations',
    observer: context.observerOf?.('associations'),
    concurrency: 1,
    now: context.monotonic,
    random: context.random,
    setTimer: context.setTimer,
    logger,
    async reconcile(_key, signal) {
      const state = clusterState(informers.clusterConfigs.store.list());
      const config = effectiveConfig(informers.clusterConfigs.store.list());
      if (!config) return undefined;
      const intervalMs = config.spec.aws.driftIntervalSeconds * 1000;
      // What ails the cluster may pass without any change that would bring us here again.
      if (!state.ok) return { requeueAfterMs: intervalMs };
      const first = surveyed !== clusterOf(state.facts);
      if (state.facts.clusterArn !== clusterArn) beliefs.clear();
      ({ clusterArn } = state.facts);
      try {
        const suspects = await sweep(state.facts, first, signal);
        if (!first && suspects.length > 0) onSuspicion(suspects);
      } catch (error) {
        if (signal.aborted) return undefined;
        const code = error instanceof IdentityError ? error.code : undefined;
        const told = { error: error instanceof Error ? error.message : String(error) };
        if (code === 'AccessDenied' || code === 'ClusterUnknown') {
          // On a cluster that is not of EKS, or without the right, this is how it always is.
          if (deniedAt === undefined) logger.info('associations cannot be looked at', told);
          deniedAt = now();
        } else logger.warn('associations could not be listed', told);
      }
      if (first) {
        surveyed = clusterOf(state.facts);
        onSuspicion('all');
      }
      return { requeueAfterMs: isUsed() ? intervalMs : intervalMs * idleFactor };
    },
  });

  informers.clusterConfigs.onChange((change) => {
    const interval = change.old?.spec.aws.driftIntervalSeconds !== change.new?.spec.aws.driftIntervalSeconds;
    if (interval || surveyed !== current()) controller.enqueue(theOnlyKey);
  });

  informers.accounts.onChange(({ old, new: account }) => {
    const mode = account?.spec.aws.identityMode;
    if (mode === 'PodIdentity' && old?.spec.aws.identityMode !== mode) controller.enqueue(theOnlyKey);
  });
  informers.pods.onChange(({ old, new: pod }) => {
    if (old || !pod) return;
    const name = serviceAccountOf(pod);
    const isKnown = beliefs.namespacesOf(name).includes(pod.metadata.namespace ?? '');
    if (!isKnown && informers.accounts.store.get(name) && isAssociated(pod)) controller.enqueue(theOnlyKey);
  });

  const isSurveyed = (): boolean => surveyed !== undefined && surveyed === current();
  return { controller, surveyed: () => isSurveyed() || !isUsed() };
}

/** The webhook has found an association for it. */
function isAssociated(pod: Pod): boolean {
  return identitiesHeld(pod).some(({ kind }) => kind === 'podIdentity');
}
