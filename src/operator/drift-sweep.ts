/**
 * Looks for roles that were changed behind our back: one bulk listing of the AWS account for the whole fleet, at the pace
 * that the ClusterConfig sets. What it finds is only a suspicion; the account's own reconcile confirms and repairs it.
 */
import { clusterState, effectiveConfig, type RoleStore } from '../identity/index.ts';
import { createController, type Controller } from '../kube/index.ts';
import type { RoleBeliefs } from './accounts/role-beliefs.ts';
import type { OperatorContext } from './context.ts';

const theOnlyKey = 'fleet';

export type DriftSweep = {
  readonly controller: Controller;
  /** Whether the roles of the cluster as it is configured now have been listed, or could not be. */
  readonly surveyed: () => boolean;
};

export function createDriftSweep(options: {
  readonly context: OperatorContext;
  readonly beliefs: RoleBeliefs;
  readonly aws: () => RoleStore;
  /** Called after the first sweep of a cluster, and with the accounts whose roles seem changed after any. */
  readonly onSuspicion: (accounts: readonly string[] | 'all') => void;
}): DriftSweep {
  const { context, beliefs, onSuspicion } = options;
  const { informers, logger, now } = context;
  let surveyedCluster: string | undefined;

  const currentCluster = (): string | undefined => {
    const state = clusterState(informers.clusterConfigs.store.list());
    return state.ok ? `${state.facts.clusterArn} ${state.facts.rolePath}` : undefined;
  };

  const controller = createController({
    name: 'drift',
    concurrency: 1,
    now,
    random: context.random,
    setTimer: context.setTimer,
    logger,
    async reconcile(_key, signal) {
      const state = clusterState(informers.clusterConfigs.store.list());
      const config = effectiveConfig(informers.clusterConfigs.store.list());
      if (!state.ok || !config) return undefined;
      const first = surveyedCluster !== currentCluster();
      if (first) beliefs.clear();
      try {
        const snapshot = await options.aws().snapshot(state.facts.rolePath, signal);
        const suspects = beliefs.learn(snapshot, state.facts.clusterArn);
        logger.debug('roles listed', { roles: snapshot.roles.length, suspects: suspects.length });
        if (!first && suspects.length > 0) onSuspicion(suspects);
      } catch (error) {
        if (signal.aborted) return undefined;
        logger.warn('roles could not be listed', {
          error: error instanceof Error ? error.message : String(error),
        });
      }
      // Also after a failure: accounts can be looked up one by one, which takes more calls and no listing.
      if (first) {
        surveyedCluster = `${state.facts.clusterArn} ${state.facts.rolePath}`;
        onSuspicion('all');
      }
      return { requeueAfterMs: config.spec.aws.driftIntervalSeconds * 1000 };
    },
  });

  informers.clusterConfigs.onChange((change) => {
    const interval = change.old?.spec.aws.driftIntervalSeconds !== change.new?.spec.aws.driftIntervalSeconds;
    if (interval || surveyedCluster !== currentCluster()) controller.enqueue(theOnlyKey);
  });

  return {
    controller,
    surveyed: () => surveyedCluster !== undefined && surveyedCluster === currentCluster(),
  };
}
