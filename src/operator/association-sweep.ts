/**
 * Looks at the Pod Identity associations of the cluster, at the pace that the ClusterConfig sets: by one listing, and by one
 * association after the other for what listings leave out. In IRSA mode too, because an association goes before the
 * annotation, whoever made it.
 */
import {
  clusterState,
  effectiveConfig,
  IdentityError,
  type AssociationStore,
  type ClusterFacts,
} from '../identity/index.ts';
import { createController, type Controller } from '../kube/index.ts';
import type { AssociationBeliefs } from './accounts/association-beliefs.ts';
import type { OperatorContext } from './context.ts';

const theOnlyKey = 'associations';

/** How long EKS is not asked again where it may not be, or knows no such cluster; that may change. Milliseconds. */
const deniedForMs = 15 * 60_000;

export type AssociationSweep = {
  readonly controller: Controller;
  /** Whether the associations of the cluster as it is configured now have been looked at, or could not be. */
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
  let deniedAt: number | undefined;

  const clusterOf = ({ clusterArn, identityMode }: ClusterFacts): string => `${clusterArn} ${identityMode}`;
  const current = (): string | undefined => {
    const state = clusterState(informers.clusterConfigs.store.list());
    return state.ok ? clusterOf(state.facts) : undefined;
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
    concurrency: 1,
    now: context.monotonic,
    random: context.random,
    setTimer: context.setTimer,
    logger,
    async reconcile(_key, signal) {
      const state = clusterState(informers.clusterConfigs.store.list());
      const config = effectiveConfig(informers.clusterConfigs.store.list());
      if (!state.ok || !config) return undefined;
      const first = surveyed !== clusterOf(state.facts);
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
      return { requeueAfterMs: config.spec.aws.driftIntervalSeconds * 1000 };
    },
  });

  informers.clusterConfigs.onChange((change) => {
    const interval = change.old?.spec.aws.driftIntervalSeconds !== change.new?.spec.aws.driftIntervalSeconds;
    if (interval || surveyed !== current()) controller.enqueue(theOnlyKey);
  });

  return { controller, surveyed: () => surveyed !== undefined && surveyed === current() };
}
