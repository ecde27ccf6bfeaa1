/**
 * Looks for roles that were changed behind our back, at the pace that the ClusterConfig sets: by one listing of the AWS
 * account for the whole fleet, or role by role where that takes fewer calls or a listing is denied. What a listing shows
 * is only a suspicion; the account's own reconcile confirms and repairs it.
 */
import {
  countLeftovers,
  IdentityError,
  roleNameOf,
  type ClusterFacts,
  type LeftoverKind,
  type RoleStore,
} from '../../identity/index.ts';
import type { RoleCache } from '../observed-state/roles.ts';
import type { OperatorContext } from '../context.ts';
import { errorMessage } from '../../k8s/errors.ts';
import { createResync, type PassProblem, type Resync } from './resync.ts';
import { chooseListOrRead } from './list-or-read.ts';

/** How long a denied listing is not asked for again, in milliseconds: someone may have given the right meanwhile. */
const deniedForMs = 15 * 60_000;

export function createRoleResync(options: {
  readonly context: OperatorContext;
  readonly beliefs: RoleCache;
  /** In this AWS account. */
  readonly aws: (accountId: string) => RoleStore;
  /** Told of what kept it from looking. */
  readonly onFailure: (error: unknown) => void;
  /** Called when there is something new to report of the passes. */
  readonly onChecked: () => void;
  /** Called after the first sweep of a cluster, and with the accounts whose roles seem changed after any. */
  readonly onSuspicion: (accounts: readonly string[] | 'all') => void;
  /** Called after each listing with the number of roles that have no account. */
  readonly onLeftovers?: (counts: Readonly<Record<LeftoverKind, number>>) => void;
}): Resync {
  const { context, beliefs, aws, onFailure, onChecked, onSuspicion, onLeftovers } = options;
  const { informers, logger, monotonic: now } = context;
  let pagesOfLastListing: number | undefined;
  let deniedAt: number | undefined;
  /** A role that could not be read in this pass. */
  let problem: PassProblem | undefined;

  /** Roles of ours, by what is believed of them and else by what the status of an account says. */
  const namesAndAccounts = (clusterArn: string): ReadonlyMap<string, readonly string[]> => {
    const found = new Map<string, readonly string[]>();
    for (const name of beliefs.owned(clusterArn)) found.set(name, [...beliefs.concernedBy(name)]);
    for (const { metadata, status } of informers.accounts.store.list()) {
      for (const arn of [status?.roleArn, ...(status?.targets ?? []).map((row) => row.roleArn)])
        if (arn !== undefined)
          found.set(roleNameOf(arn), [...beliefs.concernedBy(roleNameOf(arn)), metadata.name]);
    }
    return found;
  };

  /** Looks at one role for what a listing leaves out: each has its turn. Returns its account if there is news. */
  const lookCloser = async (
    { clusterArn, accountId }: ClusterFacts,
    signal: AbortSignal,
  ): Promise<string[]> => {
    const [name] = beliefs.owned(clusterArn);
    const role = name === undefined ? undefined : beliefs.roleOf(name);
    if (name === undefined || !role) return [];
    const accounts = [...beliefs.concernedBy(name)];
    const startedAt = now();
    try {
      const read = await aws(accountId).read(name, signal, role);
      return beliefs.read(name, read, startedAt) ? accounts : [];
    } catch (error) {
      if (!signal.aborted)
        logger.warn('a role could not be looked at', { role: name, error: errorMessage(error) });
      return [];
    }
  };

  const sweepByListing = async (facts: ClusterFacts, signal: AbortSignal): Promise<readonly string[]> => {
    const snapshot = await aws(facts.accountId).snapshot(signal);
    deniedAt = undefined;
    pagesOfLastListing = snapshot.pages ?? 1;
    const suspects = beliefs.learn(snapshot, facts.clusterArn);
    onLeftovers?.(countLeftovers(snapshot.roles, facts, new Set(informers.accounts.store.keys())));
    logger.debug('roles listed', { roles: snapshot.roles.length, suspects: suspects.length });
    return suspects;
  };

  const sweepByReads = async (facts: ClusterFacts, signal: AbortSignal): Promise<readonly string[]> => {
    const names = namesAndAccounts(facts.clusterArn);
    const suspects = new Set<string>();
    const [longestUnknown] = beliefs.owned(facts.clusterArn);
    const errors: unknown[] = [];
    await Promise.all(
      [...names].map(async ([name, accounts]) => {
        const inlinePolicyNames = beliefs.roleOf(name)?.inlinePolicyNames;
        const known = inlinePolicyNames?.length !== 0 || name === longestUnknown ? {} : { inlinePolicyNames };
        const startedAt = now();
        try {
          const role = await aws(facts.accountId).read(name, signal, known);
          if (beliefs.read(name, role, startedAt)) for (const account of accounts) suspects.add(account);
        } catch (error) {
          errors.push(error);
        }
      }),
    );
    logger.debug('roles read', { roles: names.size, suspects: suspects.size });
    if (errors.length > 0 && !signal.aborted) {
      problem = { error: errors[0] };
      logger.warn('roles could not be looked at', { roles: errors.length, error: errorMessage(errors[0]) });
      onFailure(errors[0]);
    }
    return [...suspects];
  };

  const sweep = async (
    facts: ClusterFacts,
    first: boolean,
    signal: AbortSignal,
  ): Promise<readonly string[]> => {
    problem = undefined;
    if (first) beliefs.clear();
    const choice = chooseListOrRead({
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

  return createResync({
    name: 'drift',
    what: 'roles',
    context,
    scopeOf: ({ clusterArn, rolePath }) => `${clusterArn} ${rolePath}`,
    sweep,
    failure: 'roles could not be listed',
    onFailure,
    problem: () => problem,
    onChecked,
    onSuspicion,
  });
}
