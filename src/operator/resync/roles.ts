/**
 * Resync of IAM roles. A pass lists all roles of the AWS account, or reads each role of the cluster if that takes fewer
 * calls or if the listing is denied.
 */
import {
  countLeftovers,
  IdentityError,
  roleNameOf,
  type ClusterFacts,
  type KnownParts,
  type LeftoverKind,
  type RoleStore,
} from '../../identity/index.ts';
import { errorMessage } from '../../k8s/errors.ts';
import type { OperatorContext } from '../context.ts';
import type { RoleCache } from '../observed-state/roles.ts';
import type { Pass, PassResult } from './resync.ts';

/** Pause in milliseconds before a denied listing is tried again. The permission may have been granted meanwhile. */
const deniedForMs = 15 * 60_000;

/**
 * `listing`: GetAccountAuthorizationDetails, which returns every role of the AWS account in pages. `reads`: a separate
 * read of each role of the cluster.
 */
export type ListOrRead = 'listing' | 'reads';

/** Number of AWS calls to read one role: GetRole and ListAttachedRolePolicies. */
const callsPerRole = 2;

/** Chooses between a listing and reads, whichever needs fewer calls to compare the cluster's roles with AWS. */
export function chooseListOrRead(of: {
  /** Number of the cluster's existing roles that are known. */
  readonly ownedRoles: number;
  /** Number of AWS calls that the last listing took. Undefined before the first listing. */
  readonly pagesOfLastListing: number | undefined;
  /** Whether AWS recently denied a listing. */
  readonly listingDenied: boolean;
}): ListOrRead {
  if (of.listingDenied) return 'reads';
  // Nothing is known before the first listing: neither which roles exist, nor how many pages a listing takes.
  if (of.pagesOfLastListing === undefined) return 'listing';
  return of.ownedRoles * callsPerRole < of.pagesOfLastListing ? 'reads' : 'listing';
}

export function createRolePass(options: {
  readonly context: OperatorContext;
  readonly cache: RoleCache;
  /** Returns access to the IAM roles of the AWS account. */
  readonly aws: (accountId: string) => RoleStore;
  /**
   * Called after each listing. `counts` has, for each kind, the number of this cluster's roles that have no account.
   */
  readonly onLeftovers?: ((counts: Readonly<Record<LeftoverKind, number>>) => void) | undefined;
}): Pass {
  const { context, cache, aws } = options;
  const { informers, logger, monotonic: now } = context;
  let pagesOfLastListing: number | undefined;
  let deniedAt: number | undefined;

  /**
   * Returns, for each role of the cluster that is cached or named in the status of an account, the names of the
   * accounts that the role affects.
   */
  const accountsByRole = (clusterArn: string): ReadonlyMap<string, ReadonlySet<string>> => {
    const found = new Map(cache.owned(clusterArn).map((name) => [name, cache.concernedBy(name)]));
    for (const { metadata, status } of informers.accounts.store.list()) {
      for (const arn of [status?.roleArn, ...(status?.targets ?? []).map((row) => row.roleArn)]) {
        const name = arn === undefined ? undefined : roleNameOf(arn);
        if (name !== undefined) found.set(name, new Set([...cache.concernedBy(name), metadata.name]));
      }
    }
    return found;
  };

  /** Reads one role. Returns whether the cached state changed. */
  const read = async (
    name: string,
    known: KnownParts,
    { accountId }: ClusterFacts,
    signal: AbortSignal,
  ): Promise<boolean> => {
    const startedAt = now();
    return cache.read(name, await aws(accountId).read(name, signal, known), startedAt);
  };

  /**
   * Reads those parts of one role that listings omit. Each call reads the role whose last complete read is longest ago.
   * Returns the role's accounts if these parts have changed.
   */
  const readNext = async (facts: ClusterFacts, signal: AbortSignal): Promise<Iterable<string>> => {
    const [name] = cache.owned(facts.clusterArn);
    const role = name === undefined ? undefined : cache.roleOf(name);
    if (name === undefined || !role) return [];
    const accounts = cache.concernedBy(name);
    try {
      return (await read(name, role, facts, signal)) ? accounts : [];
    } catch (error) {
      if (!signal.aborted) logger.warn('cannot read a role', { role: name, error: errorMessage(error) });
      return [];
    }
  };

  const list = async (facts: ClusterFacts, signal: AbortSignal): Promise<readonly string[]> => {
    const snapshot = await aws(facts.accountId).snapshot(signal, cache.isKnown);
    deniedAt = undefined;
    pagesOfLastListing = snapshot.pages ?? 1;
    const suspects = cache.listed(snapshot, facts.clusterArn);
    options.onLeftovers?.(countLeftovers(snapshot.roles, facts, new Set(informers.accounts.store.keys())));
    logger.debug('roles listed', { roles: snapshot.roles.length, suspects: suspects.length });
    return suspects;
  };

  const readAll = async (facts: ClusterFacts, signal: AbortSignal): Promise<PassResult> => {
    const roles = accountsByRole(facts.clusterArn);
    const suspects = new Set<string>();
    const [oldest] = cache.owned(facts.clusterArn);
    const errors: unknown[] = [];
    await Promise.all(
      [...roles].map(async ([name, accounts]) => {
        const inlinePolicyNames = cache.roleOf(name)?.inlinePolicyNames;
        const known = inlinePolicyNames?.length !== 0 || name === oldest ? {} : { inlinePolicyNames };
        try {
          if (await read(name, known, facts, signal)) for (const account of accounts) suspects.add(account);
        } catch (error) {
          errors.push(error);
        }
      }),
    );
    logger.debug('roles read', { roles: roles.size, suspects: suspects.size });
    if (errors.length > 0 && !signal.aborted)
      logger.warn('cannot read roles', { roles: errors.length, error: errorMessage(errors[0]) });
    return { suspects: [...suspects], error: errors[0] };
  };

  return {
    name: 'drift',
    what: 'roles',
    scopeOf: ({ clusterArn, rolePath }) => `${clusterArn} ${rolePath}`,
    failure: 'cannot list roles',
    isAwaited: () => true,
    async run(facts, isFirst, signal) {
      if (isFirst) cache.clear();
      const choice = chooseListOrRead({
        ownedRoles: accountsByRole(facts.clusterArn).size,
        pagesOfLastListing: isFirst ? undefined : pagesOfLastListing,
        listingDenied: deniedAt !== undefined && now() - deniedAt < deniedForMs,
      });
      if (choice === 'reads') return readAll(facts, signal);
      try {
        const suspects = await list(facts, signal);
        return { suspects: isFirst ? [] : [...suspects, ...(await readNext(facts, signal))] };
      } catch (error) {
        if (!(error instanceof IdentityError) || error.code !== 'AccessDenied') throw error;
        if (deniedAt === undefined)
          logger.warn('AWS denies the listing of all roles, so each role is read separately', {
            actions: 'iam:GetRole, iam:ListAttachedRolePolicies, iam:ListRolePolicies',
            error: error.message,
          });
        deniedAt = now();
        return readAll(facts, signal);
      }
    },
  };
}
