/** Cached Pod Identity associations of the cluster. */
import {
  cachedAssociationAfter,
  type AssociationSnapshot,
  type AssociationWrite,
  type CachedAssociation,
  type IdentityError,
  type ObservedAssociation,
  type ServiceAccountName,
} from '../../identity/index.ts';
import type { Monotonic } from '../../k8s/time.ts';
import { createAwsCache, type Entry } from './aws-cache.ts';

export type AssociationCache = ReturnType<typeof createAssociationCache>;

export function createAssociationCache(now: () => Monotonic) {
  const usedNames = new Set<string>();
  const cache = createAwsCache<ObservedAssociation, Entry<ObservedAssociation>>({
    now,
    ownerOf: serviceAccountIn,
    concernedBy: (key) => [serviceAccountIn(key)],
    isNeeded: (key, { object }) => object !== null || usedNames.has(serviceAccountIn(key)),
    isSame: (before, listed) => before.id === listed.id,
  });

  return {
    /**
     * Returns the cached associations of all ServiceAccounts with this name, by namespace. After a listing, the result
     * has an entry for every namespace in `targets`, because the listing also shows where no association exists.
     */
    of(serviceAccount: string, targets: Iterable<string>): ReadonlyMap<string, CachedAssociation> {
      usedNames.add(serviceAccount);
      const found = new Map<string, CachedAssociation>();
      for (const [key, { object, source }] of cache.ofAccount(serviceAccount))
        found.set(namespaceIn(key), { association: object, source });
      for (const target of cache.isListed() ? targets : [])
        if (!found.has(target)) found.set(target, { association: null, source: 'list' });
      return found;
    },

    /** Namespaces where a ServiceAccount of this name has an association. */
    namespacesOf: (serviceAccount: string): readonly string[] =>
      cache.ofAccount(serviceAccount).flatMap(([key, { object }]) => (object ? [namespaceIn(key)] : [])),

    /**
     * Stores the result of a read. Returns whether the cached state changed. If `startedAt` is given and the
     * association was written after it, the result is ignored, since it may be older than that write. Only the
     * account's own reconcile omits `startedAt`.
     */
    read(
      of: ServiceAccountName,
      association: ObservedAssociation | undefined,
      startedAt: number = Infinity,
    ): boolean {
      const before = cache.get(keyOf(of));
      if (Math.max(before?.wroteAt ?? -Infinity, before?.unknown?.at ?? -Infinity) >= startedAt) return false;
      cache.set(keyOf(of), { object: association ?? null, source: 'read', knownAt: now() });
      return JSON.stringify(before?.object ?? null) !== JSON.stringify(association ?? null);
    },

    /**
     * Stores the result of a step that EKS confirmed.
     * @param association the association after the step; null if the step deleted it
     */
    applied(of: ServiceAccountName, step: AssociationWrite, association: ObservedAssociation | null): void {
      const { object, source = 'list' } = cache.get(keyOf(of)) ?? {};
      const before = object === undefined ? undefined : { association: object, source };
      const after = cachedAssociationAfter(step, before, association);
      const wrote = after.source === 'write' ? { wroteAt: now() } : {};
      cache.set(keyOf(of), { object: association, source: after.source, ...wrote, knownAt: now() });
    },

    /**
     * Stores the failure of a step. The state of the association becomes unknown until the next read if the step may
     * have changed the association, or if EKS did not find the association.
     */
    failed(of: ServiceAccountName, { code, mayBeDone }: IdentityError): void {
      if (mayBeDone || code === 'AssociationNotFound')
        cache.set(keyOf(of), { object: null, source: 'unknown', unknown: { at: now() } });
    },

    /** Stores a listing. Returns the names of the ServiceAccounts whose associations have changed. */
    listed: ({ associations, startedAt }: AssociationSnapshot): readonly string[] =>
      cache.listed(
        associations.map((association) => [keyOf(association), association] as const),
        startedAt,
      ),

    /**
     * Called when an account was deleted. Entries that only record that the account has no association are dropped,
     * unless they are recent.
     */
    accountDeleted(account: string): void {
      usedNames.delete(account);
      cache.prune();
    },

    /**
     * Returns the associations whose last read is longest ago.
     * @param share share of all associations to return, from 0 to 1; at least one is returned
     */
    longestUnread: (share: number): readonly ObservedAssociation[] => {
      const all = cache.oldestFirst();
      return all.slice(0, Math.max(1, Math.ceil(all.length * share))).flatMap(({ object }) => object ?? []);
    },

    /**
     * Drops all entries. Called when the ClusterConfig names a cluster other than the one in which the entries were
     * observed.
     */
    clear: (): void => cache.clear(),
  };
}

/** Joins the ServiceAccount and the namespace by a slash, which neither name can contain. */
function keyOf({ namespace, serviceAccount }: ServiceAccountName): string {
  return `${serviceAccount}/${namespace}`;
}

function serviceAccountIn(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

function namespaceIn(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}
