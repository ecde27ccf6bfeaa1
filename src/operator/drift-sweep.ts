/**
 * Looks for roles that were changed behind our back, at the pace that the ClusterConfig sets: by one listing of the AWS
 * account for the whole fleet, or role by role where that takes fewer calls or a listing is denied. What a listing shows
 * is only a suspicion; the account's own reconcile confirms and repairs it.
 */
import {
  clusterState,
  effectiveConfig,
  IdentityError,
  markedFor,
  roleNameOf,
  type ClusterFacts,
  type RoleStore,
} from '../identity/index.ts';
import { createController, type Controller } from '../kube/index.ts';
import type { RoleBeliefs } from './accounts/role-beliefs.ts';
import type { OperatorContext } from './context.ts';
import { chooseSweep } from './sweep-choice.ts';

const theOnlyKey = 'fleet';

/** How long a denied listing is not asked for again, in milliseconds: someone may have given the right meanwhile. */
const deniedForMs = 15 * 60_000;

export type DriftSweep = {
  readonly controller: Controller;
  /** Whether the roles of the cluster as it is configured now have been looked at, or could not be. */
  readonly surveyed: () => boolean;
};

export function createDriftSweep(options: {
  readonly context: OperatorContext;
  readonly beliefs: RoleBeliefs;
  readonly aws: () => RoleStore;
  /** Called after the first sweep of a cluster, and with the accounts whose roles seem changed after any. */
  readonly onSuspicion: (accounts: readonly string[] | 'all') => void;
}): DriftSweep {
  const { context, beliefs, aws, onSuspicion } = options;
  const { informers, logger, now } = context;
  let surveyedCluster: string | undefined;
  let pagesOfLastListing: number | undefined;
  let deniedAt: number | undefined;

  const clusterOf = ({ clusterArn, rolePath }: ClusterFacts): string => `${clusterArn} ${rolePath}`;
  const currentCluster = (): string | undefined => {
    const state = clusterState(informers.clusterConfigs.store.list());
    return state.ok ? clusterOf(state.facts) : undefined;
  };

  /** Roles of ours, by what is believed of them and else by what the status of an account says. */
  const namesAndAccounts = (clusterArn: string): ReadonlyMap<string, string | undefined> => {
    const found = new Map<string, string | undefined>();
    for (const name of beliefs.owned(clusterArn)) found.set(name, accountOf(name));
    for (const { metadata, status } of informers.accounts.store.list()) {
      for (const arn of [status?.roleArn, ...(status?.targets ?? []).map((row) => row.roleArn)])
        if (arn !== undefined) found.set(roleNameOf(arn), metadata.name);
    }
    return found;
  };
  const accountOf = (name: string): string | undefined => {
    const role = beliefs.roleOf(name);
    return role && markedFor(role.tags)?.account;
  };

  /** Looks at one role for what a listing leaves out: each has its turn. Returns its account if there is news. */
  const lookCloser = async ({ clusterArn }: ClusterFacts, signal: AbortSignal): Promise<string[]> => {
    const [name] = beliefs.owned(clusterArn);
    const role = name === undefined ? undefined : beliefs.roleOf(name);
    if (name === undefined || !role) return [];
    const account = accountOf(name);
    const startedAt = now();
    try {
      const read = await aws().read(name, signal, role);
      return beliefs.read(name, read, startedAt) && account !== undefined ? [account] : [];
    } catch (error) {
      if (!signal.aborted)
        logger.warn('a role could not be looked at', { role: name, error: wordsOf(error) });
      return [];
    }
  };

  const sweepByListing = async (facts: ClusterFacts, signal: AbortSignal): Promise<readonly string[]> => {
    const snapshot = await aws().snapshot(signal);
    deniedAt = undefined;
    pagesOfLastListing = snapshot.pages ?? 1;
    const suspects = beliefs.learn(snapshot, facts.clusterArn);
    logger.debug('roles listed', { roles: snapshot.roles.length, suspects: suspects.length });
    return suspects;
  };

  const sweepByReads = async (facts: ClusterFacts, signal: AbortSignal): Promise<readonly string[]> => {
    const names = namesAndAccounts(facts.clusterArn);
    const suspects = new Set<string>();
    const [longestUnknown] = beliefs.owned(facts.clusterArn);
    const errors: unknown[] = [];
    await Promise.all(
      [...names].map(async ([name, account]) => {
        const inlinePolicyNames = beliefs.roleOf(name)?.inlinePolicyNames;
        const known = inlinePolicyNames?.length !== 0 || name === longestUnknown ? {} : { inlinePolicyNames };
        const startedAt = now();
        try {
          const role = await aws().read(name, signal, known);
          if (beliefs.read(name, role, startedAt) && account !== undefined) suspects.add(account);
        } catch (error) {
          errors.push(error);
        }
      }),
    );
    logger.debug('roles read', { roles: names.size, suspects: suspects.size });
    if (errors.length > 0 && !signal.aborted)
      logger.warn('roles could not be looked at', { roles: errors.length, error: wordsOf(errors[0]) });
    return [...suspects];
  };

  const sweep = async (
    facts: ClusterFacts,
    first: boolean,
    signal: AbortSignal,
  ): Promise<readonly string[]> => {
    const choice = chooseSweep({
      ownedRoles: namesAndAccounts(facts.clusterArn).size,
      pagesOfLastListing: first ? undefined : pagesOfLastListing,
      listingDenied: deniedAt !== undefined && now() - deniedAt < deniedForMs,
    });
    if (choice === 'reads') return sweepByReads(facts, signal);
    try {
      const suspects = await sweepByListing(facts, signal);
      return first ? suspects : [...suspects, ...(await lookCloser(facts, signal))];
    } catch (error) {
      if (!(error instanceof IdentityError) || error.code !== 'AccessDenied') throw error;
      if (deniedAt === undefined)
        logger.warn('listing all roles is denied; they are read one by one', { error: error.message });
      deniedAt = now();
      return sweepByReads(facts, signal);
    }
  };

  const controller = createController({
    name: 'drift',
    observer: context.observerOf?.('drift'),
    concurrency: 1,
    now: context.monotonic,
    random: context.random,
    setTimer: context.setTimer,
    logger,
    async reconcile(_key, signal) {
      const state = clusterState(informers.clusterConfigs.store.list());
      const config = effectiveConfig(informers.clusterConfigs.store.list());
      if (!config) return undefined;
      const next = { requeueAfterMs: config.spec.aws.driftIntervalSeconds * 1000 };
      // What ails the cluster may pass without any change that would bring us here again.
      if (!state.ok) return next;
      const first = surveyedCluster !== clusterOf(state.facts);
      if (first) beliefs.clear();
      try {
        const suspects = await sweep(state.facts, first, signal);
        if (!first && suspects.length > 0) onSuspicion(suspects);
      } catch (error) {
        if (signal.aborted) return undefined;
        logger.warn('roles could not be listed', { error: wordsOf(error) });
      }
      // Also after a failure: accounts can be looked up one by one, which takes more calls.
      if (first) {
        surveyedCluster = clusterOf(state.facts);
        onSuspicion('all');
      }
      return next;
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

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
