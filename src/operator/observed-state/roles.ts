/** Cached IAM roles of the cluster. Roles of other owners are included if an account uses their names. */
import {
  inlinePolicyName,
  laterUse,
  podDenialName,
  roleAfter,
  settingsOf,
  taggedOwner,
  trustAfter,
  type CachedRole,
  type CreatedRole,
  type IdentityError,
  type ObservedRole,
  type RoleSnapshot,
  type RoleUse,
  type RoleWrite,
} from '../../identity/index.ts';
import { defined } from '../../k8s/defined.ts';
import type { Monotonic } from '../../k8s/time.ts';
import { sameValue } from '../same-value.ts';
import { createAwsCache, mayPrecedeWrite, mayPrecedeAnyWrite, settleMs, type Entry } from './aws-cache.ts';

type Owner = { readonly clusterArn: string; readonly account: string };

type RoleEntry = Entry<ObservedRole> & {
  readonly trustWrittenAt?: number;
  /** See `CachedRole`. */
  readonly hasOwnTrust?: boolean;
  /**
   * Set while the outcome of the last write is unknown; see `Entry`. `owner` is the account in the tags of a role that
   * may or may not exist.
   */
  readonly unknown?: { readonly at?: number; readonly owner?: Owner | undefined };
};

export type RoleCache = ReturnType<typeof createRoleCache>;

export function createRoleCache(now: () => Monotonic) {
  /** Time when this process began to lead. Until then, the previous leader may have created roles. */
  let since = now();
  const usersByName = new Map<string, Set<string>>();
  const reservations = new Map<string, string>();

  const accountsOf = (name: string, ...roles: readonly (ObservedRole | null | undefined)[]): Set<string> => {
    const tagged = roles.flatMap((role) => (role && taggedOwner(role.tags)?.account) ?? []);
    return new Set([...tagged, ...(usersByName.get(name) ?? [])]);
  };
  const cache = createAwsCache<ObservedRole, RoleEntry>({
    now,
    ownerOf: (_name, entry) => ownerOf(entry)?.account,
    concernedBy: accountsOf,
    // Roles with ownership tags are kept even without an account, so that leftover roles are found.
    isNeeded: (name, { object }) =>
      usersByName.has(name) || (object !== null && taggedOwner(object.tags) !== undefined),
    isSame: sameAsListed,
  });
  /**
   * Returns the entry of a role name. Returns undefined if there is no entry, or if a write with an unknown outcome
   * leaves open whether the role exists.
   */
  const known = (name: string): RoleEntry | undefined => {
    const entry = cache.get(name);
    return entry?.source === 'unknown' ? undefined : entry;
  };
  /**
   * Returns the field `unknown` for the entry of a role that IAM did not find. The field is set if the role may have
   * been created so recently that IAM does not show it yet.
   */
  const absent = (name: string, askedAt: number): Pick<RoleEntry, 'unknown'> => {
    const unknown = cache.get(name)?.unknown;
    const at = Math.max(since, unknown?.at ?? -Infinity);
    return askedAt < at + settleMs ? { unknown: { ...unknown, at } } : {};
  };
  const setUnknown = (name: string, unknown: NonNullable<RoleEntry['unknown']>): void =>
    cache.set(name, { object: null, source: 'unknown', unknown });

  return {
    /**
     * Returns the cached roles with the given names, and the roles whose tags name the account. At the last reconcile
     * of the account (`isLast`), the result also includes roles that may or may not exist after a write with an unknown
     * outcome, since no later reconcile would read them.
     */
    forAccount(of: {
      readonly clusterArn: string;
      readonly account: string;
      readonly names: readonly string[];
      readonly isLast?: boolean;
    }): ReadonlyMap<string, CachedRole> {
      const found = new Map<string, CachedRole>();
      for (const name of of.names) {
        usersByName.set(name, (usersByName.get(name) ?? new Set()).add(of.account));
        const entry = known(name);
        if (entry) found.set(name, cachedRole(entry));
      }
      for (const [name, entry] of cache.ofAccount(of.account)) {
        const isOfCluster = ownerOf(entry)?.clusterArn === of.clusterArn;
        if (isOfCluster && (entry.object || of.isLast)) found.set(name, cachedRole(entry));
      }
      return found;
    },

    /** Returns the role of this name, or undefined if the role does not exist or its state is unknown. */
    roleOf: (name: string): ObservedRole | undefined => known(name)?.object ?? undefined,

    /**
     * Whether the cache knows the state of this role name. If so, a listing must keep the role even if the role does
     * not have Konstellation's tags.
     */
    isKnown: (name: string): boolean => known(name) !== undefined,

    /** Stores the result of a read that began at `startedAt`. Returns whether the cached state changed. */
    read(name: string, role: ObservedRole | undefined, startedAt: number): boolean {
      const before = known(name);
      if (mayPrecedeAnyWrite(startedAt, before)) return false;
      const { unknown, ...kept } = before ?? {};
      const object = role ? withUse(role, laterUse(before?.object, role)) : null;
      cache.set(name, {
        ...kept,
        object,
        // If the outcome of the last write was unknown, the read shows it, so the state counts as written.
        source: unknown ? 'write' : 'read',
        hasOwnTrust: before?.hasOwnTrust === true && before.object?.trustPolicy === role?.trustPolicy,
        knownAt: startedAt,
        ...(role ? {} : absent(name, startedAt)),
      });
      return before === undefined || !sameAsRead(before.object, object);
    },

    /** Updates the cached role after IAM confirmed a step. */
    applied(step: RoleWrite, created?: CreatedRole): void {
      const { unknown, ...before } = known(step.role) ?? { object: null };
      const at = now();
      cache.set(step.role, {
        ...before,
        ...(before.object && unknown ? { unknown } : {}),
        object: roleAfter(step, before.object, created),
        source: 'write',
        wroteAt: at,
        ...(before.object ? {} : { knownAt: at }),
        ...trustAfter(step, known(step.role), at),
      });
    },

    /**
     * Stores the failure of a step:
     *
     * - A creation may have created the role, whatever the error, and IAM may not show the role everywhere yet.
     * - A deletion or a removal of tags without a response may have ended our ownership, so that the role may belong to
     *   another owner. The role must be read before the next write.
     * - After any other write without a response, the role is read again later. Otherwise, if the account's spec were
     * changed back, its plan could wrongly find nothing to do.
     * - If IAM does not find the role, the next plan creates it again, unless this process wrote the role a moment ago.
     */
    failed(step: RoleWrite, { code, mayBeDone }: IdentityError): void {
      const name = step.role;
      const before = known(name);
      if (step.kind === 'CreateRole') setUnknown(name, { at: now(), owner: taggedOwner(step.spec.tags) });
      else if (mayBeDone && (step.kind === 'DeleteRole' || step.kind === 'UntagRole'))
        setUnknown(name, { owner: ownerOf(before) });
      else if (mayBeDone && before) cache.set(name, { ...before, unknown: { ...before.unknown, at: now() } });
      else if (code === 'RoleNotFound' && !mayPrecedeWrite(before, now()))
        cache.set(name, { ...before, object: null, source: 'read', ...absent(name, now()) });
    },

    /**
     * Reserves the role for adoption by one account until `release` is called for the role. Returns the account that
     * holds the reservation.
     */
    reserve(name: string, account: string): string {
      const first = reservations.get(name) ?? account;
      reservations.set(name, first);
      return first;
    },

    release: (name: string): void => void reservations.delete(name),

    /** Stores a listing. Returns the accounts that are affected by the changes in the listing. */
    listed(snapshot: RoleSnapshot, clusterArn: string): readonly string[] {
      const objects = snapshot.roles.flatMap((role): [string, ObservedRole][] => {
        const before = known(role.name);
        // A role of another owner is stored only if the cache already knows the state of the role's name.
        if (!before && taggedOwner(role.tags)?.clusterArn !== clusterArn) return [];
        const use = laterUse(before?.object, role);
        return [
          [role.name, withUse({ ...role, ...partsOmittedByListing(before?.object, role, snapshot) }, use)],
        ];
      });
      const used = objects.flatMap(([name, { id, lastUsed }]) => {
        const before = known(name);
        const { object } = before ?? {};
        if (!before || object?.id !== id || sameValue(object.lastUsed, lastUsed)) return [];
        // Only the last use is taken from the listing here, since other parts of the cached role may be newer than the
        // listing.
        cache.set(name, { ...before, object: withUse(object, lastUsed) });
        return [...accountsOf(name, object)];
      });
      return [...new Set([...cache.listed(objects, snapshot.startedAt), ...used])];
    },

    /** Called when an account was deleted. Entries that only this account used are dropped later. */
    accountDeleted(account: string): void {
      for (const [name, accounts] of usersByName)
        if (accounts.delete(account) && accounts.size === 0) usersByName.delete(name);
      for (const [name, entry] of cache.ofAccount(account)) {
        const { owner: _, ...unknown } = entry.unknown ?? {};
        if (!entry.object) cache.set(name, { ...entry, unknown });
      }
      cache.prune();
    },

    /**
     * Returns the accounts that are affected by a change of the role: the account in its tags, and the accounts that
     * use its name.
     */
    concernedBy: (name: string): ReadonlySet<string> => accountsOf(name, known(name)?.object),

    /**
     * Names of the existing roles with this cluster's tags. The role whose last complete read is longest ago comes
     * first.
     */
    owned: (clusterArn: string): readonly string[] =>
      cache
        .oldestFirst()
        .flatMap(({ object }) =>
          object && taggedOwner(object.tags)?.clusterArn === clusterArn ? [object.name] : [],
        ),

    /**
     * Drops all entries. Called before the first pass for a cluster and role path, because earlier entries may belong
     * to another cluster or AWS account.
     */
    clear(): void {
      cache.clear();
      usersByName.clear();
      since = now();
    },
  };
}

function withUse({ lastUsed: _, ...role }: ObservedRole, lastUsed: RoleUse | undefined): ObservedRole {
  return lastUsed ? { ...role, lastUsed } : role;
}

function ownerOf(entry: RoleEntry | undefined): Owner | undefined {
  return entry?.object ? taggedOwner(entry.object.tags) : entry?.unknown?.owner;
}

function cachedRole(entry: RoleEntry): CachedRole {
  const { object, source, unknown, wroteAt = -Infinity, trustWrittenAt, hasOwnTrust } = entry;
  if (source === 'unknown') return { role: null, source: 'list' };
  return {
    role: object,
    source,
    ...defined({ trustWrittenAt, hasOwnTrust }),
    ...(unknown?.at === undefined ? {} : { readAgainAt: Math.max(unknown.at, wroteAt) + settleMs }),
  };
}

/**
 * Returns the cached parts of a role that the listing omits: the settings; the boundary, if the listing shows no
 * boundary on any role; and the document of an inline policy that the listing shows by name only.
 */
function partsOmittedByListing(
  role: ObservedRole | null | undefined,
  listed: ObservedRole,
  snapshot: RoleSnapshot,
): Partial<ObservedRole> {
  const { permissionsBoundaryArn, inlinePolicy, podDenial } = role ?? {};
  const isOmitted = (name: string, document: string | undefined): boolean =>
    listed.inlinePolicyNames.includes(name) && document === undefined;
  return {
    ...settingsOf(role),
    ...defined({
      inlinePolicy: isOmitted(inlinePolicyName, listed.inlinePolicy) ? inlinePolicy : undefined,
      podDenial: isOmitted(podDenialName, listed.podDenial) ? podDenial : undefined,
      permissionsBoundaryArn: snapshot.withoutBoundaries ? permissionsBoundaryArn : undefined,
    }),
  };
}

function sameAsRead(a: ObservedRole | null, b: ObservedRole | null): boolean {
  if (!a || !b) return a === b;
  return sameAsListed(a, b) && sameValue(settingsOf(a), settingsOf(b)) && sameValue(a.lastUsed, b.lastUsed);
}

/**
 * Compares the parts of a role that listings show, except the last use. Runs for every role of a listing, so it has to
 * be fast.
 */
function sameAsListed(a: ObservedRole, b: ObservedRole): boolean {
  return (
    a.arn === b.arn &&
    a.id === b.id &&
    a.trustPolicy === b.trustPolicy &&
    a.permissionsBoundaryArn === b.permissionsBoundaryArn &&
    sameInAnyOrder(a.attachedPolicyArns, b.attachedPolicyArns) &&
    sameInAnyOrder(a.inlinePolicyNames, b.inlinePolicyNames) &&
    a.inlinePolicy === b.inlinePolicy &&
    a.podDenial === b.podDenial &&
    sameValue(a.tags, b.tags)
  );
}

function sameInAnyOrder(a: readonly string[], b: readonly string[]): boolean {
  return sameValue(a, b) || sameValue(a.toSorted(), b.toSorted());
}
