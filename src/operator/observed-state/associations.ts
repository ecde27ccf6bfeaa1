/** Cached Pod Identity associations of the cluster. */
import type {
  CachedAssociation,
  AssociationSnapshot,
  ObservedAssociation,
  ServiceAccountName,
} from '../../identity/index.ts';
import type { Monotonic } from '../../k8s/time.ts';
import { createAwsCache, type Entry } from './aws-cache.ts';

export type AssociationCache = {
  /** By namespace, the cached state for ServiceAccounts of this name; of all `targets` once there was a listing. */
  of(serviceAccount: string, targets: Iterable<string>): ReadonlyMap<string, CachedAssociation>;
  /** Namespaces in which a ServiceAccount of this name has an association. */
  namespacesOf(serviceAccount: string): readonly string[];
  /**
   * Stores the answer to a read. Returns whether it changed what was cached. With `startedAt`, for callers other than the
   * account's reconcile, the answer is ignored if it may be older than our last write.
   */
  read(of: ServiceAccountName, association: ObservedAssociation | undefined, startedAt?: number): boolean;
  /** Stores a write that EKS confirmed; null for a deletion. */
  wrote(of: ServiceAccountName, association: ObservedAssociation | null): void;
  /** A write had an unknown outcome. */
  lost(of: ServiceAccountName): void;
  /** Stores a listing. Returns the names of the ServiceAccounts for which it shows a change. */
  learn(snapshot: AssociationSnapshot): readonly string[];
  /** The account was deleted: that it has no associations is dropped in time. */
  accountGone(account: string): void;
  /** The association that was not read for the longest time. */
  longestUnread(): ObservedAssociation | undefined;
  /** Drops everything, which was observed in another cluster. */
  clear(): void;
};

export function createAssociationCache(now: () => Monotonic): AssociationCache {
  const lookedFor = new Set<string>();
  const cache = createAwsCache<ObservedAssociation, Entry<ObservedAssociation>>({
    now,
    ownerOf: serviceAccountIn,
    concernedBy: (key) => [serviceAccountIn(key)],
    isNeeded: (key, { object }) => object !== null || lookedFor.has(serviceAccountIn(key)),
    isSame: (before, listed) => before.id === listed.id,
  });

  return {
    of(serviceAccount, targets) {
      lookedFor.add(serviceAccount);
      const found = new Map<string, CachedAssociation>();
      for (const [key, { object, source }] of cache.ofAccount(serviceAccount))
        found.set(namespaceIn(key), { association: object, source });
      for (const target of cache.isListed() ? targets : [])
        if (!found.has(target)) found.set(target, { association: null, source: 'list' });
      return found;
    },

    namespacesOf: (serviceAccount) =>
      cache.ofAccount(serviceAccount).flatMap(([key, { object }]) => (object ? [namespaceIn(key)] : [])),

    read(of, association, startedAt = Infinity) {
      const before = cache.get(keyOf(of));
      if (Math.max(before?.wroteAt ?? -Infinity, before?.unknown?.at ?? -Infinity) >= startedAt) return false;
      cache.set(keyOf(of), { object: association ?? null, source: 'read', knownAt: now() });
      return JSON.stringify(before?.object ?? null) !== JSON.stringify(association ?? null);
    },

    wrote: (of, association) =>
      cache.set(keyOf(of), { object: association, source: 'write', wroteAt: now(), knownAt: now() }),

    lost: (of) => cache.set(keyOf(of), { object: null, source: 'unknown', unknown: { at: now() } }),

    learn: ({ associations, startedAt }) =>
      cache.learn(
        associations.map((association) => [keyOf(association), association] as const),
        startedAt,
      ),

    accountGone(account) {
      lookedFor.delete(account);
      cache.prune();
    },

    longestUnread: () => cache.oldestFirst()[0]?.object ?? undefined,

    clear: () => cache.clear(),
  };
}

/** Names of ServiceAccounts and namespaces contain no slash. */
function keyOf({ namespace, serviceAccount }: ServiceAccountName): string {
  return `${serviceAccount}/${namespace}`;
}

function serviceAccountIn(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

function namespaceIn(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}
