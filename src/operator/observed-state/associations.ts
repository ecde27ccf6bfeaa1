/**
 * What the operator holds to be true of the Pod Identity associations of its cluster: what its own writes made so, what
 * direct reads said, and what listings said. Memory only; a restart fills it with one listing.
 */
import type {
  AssociationBelief,
  AssociationSnapshot,
  ObservedAssociation,
  ServiceAccountName,
} from '../../identity/index.ts';
import type { Monotonic } from '../../k8s/time.ts';

/**
 * How long after a write of ours a listing may still show the state before it, in milliseconds. Associations are eventually
 * consistent: "may take several seconds to be effective", EKS User Guide.
 */
const settleMs = 15_000;

/** No listing takes longer than this from its first page to its last, throttled as it may be. Milliseconds. */
const longestListingMs = 600_000;

type Entry = AssociationBelief & {
  readonly wroteAt?: number;
  /** When a write was not answered. */
  readonly lostAt?: number;
  /** When it was last asked for by itself: listings leave most of it out. */
  readonly knownAt?: number;
};

export type AssociationCache = {
  /** By namespace, what is believed of the ServiceAccounts of this name; of `targets` at least, once there was a listing. */
  of(serviceAccount: string, targets: Iterable<string>): ReadonlyMap<string, AssociationBelief>;
  /** Namespaces in which a ServiceAccount of this name is believed to have one. */
  namespacesOf(serviceAccount: string): readonly string[];
  /**
   * A direct read said so. Returns whether that was news. With `startedAt`, of who is not the one that writes: an answer that may
   * be older than our last write is none.
   */
  read(of: ServiceAccountName, association: ObservedAssociation | undefined, startedAt?: number): boolean;
  /** We made it so. Null: we deleted it. */
  wrote(of: ServiceAccountName, association: ObservedAssociation | null): void;
  /** A write was not answered. */
  lost(of: ServiceAccountName): void;
  /** A listing said so. Returns the names of the ServiceAccounts about whose associations it says something new. */
  learn(snapshot: AssociationSnapshot): readonly string[];
  /** There is no such account any more. That it has none is forgotten, once no answer can be older than what was done. */
  accountGone(account: string): void;
  /** The one that was not asked for by itself for the longest. */
  longestUnread(): ObservedAssociation | undefined;
  /** What is known is known of another cluster. */
  clear(): void;
};

export function createAssociationCache(now: () => Monotonic): AssociationCache {
  const entries = new Map<string, Map<string, Entry>>();
  let listed = false;
  /** Names of the accounts that look for theirs. */
  const lookedFor = new Set<string>();
  /** Names of accounts that are gone, of which something may still be believed. */
  const gone = new Set<string>();

  const entryOf = ({ namespace, serviceAccount }: ServiceAccountName): Entry | undefined =>
    entries.get(serviceAccount)?.get(namespace);
  const set = ({ namespace, serviceAccount }: ServiceAccountName, entry: Entry): void => {
    const ofAccount = entries.get(serviceAccount) ?? new Map<string, Entry>();
    ofAccount.set(namespace, entry);
    entries.set(serviceAccount, ofAccount);
  };
  const isYoung = (entry: Entry | undefined, askedAt: number): boolean =>
    entry?.wroteAt !== undefined && entry.wroteAt > askedAt - settleMs;
  /** What may be there stays: somebody has to know of it, whosever it was. */
  const dropNone = (serviceAccount: string, listedFrom = -Infinity): void => {
    const byNamespace = entries.get(serviceAccount) ?? new Map<string, Entry>();
    for (const [namespace, { association, wroteAt = -Infinity, lostAt = -Infinity }] of byNamespace) {
      if (association || Math.max(wroteAt, lostAt) > now() - longestListingMs) continue;
      // Without the entry it would be held, from the listings, that there is none.
      if (listed && lostAt > listedFrom - settleMs) continue;
      byNamespace.delete(namespace);
    }
    if (byNamespace.size > 0) return;
    entries.delete(serviceAccount);
    gone.delete(serviceAccount);
  };

  return {
    of(serviceAccount, targets) {
      lookedFor.add(serviceAccount);
      gone.delete(serviceAccount);
      const found = new Map<string, AssociationBelief>(entries.get(serviceAccount));
      if (!listed) return found;
      for (const target of targets)
        if (!found.has(target)) found.set(target, { association: null, source: 'sweep' });
      return found;
    },

    namespacesOf: (serviceAccount) =>
      [...(entries.get(serviceAccount) ?? [])].flatMap(([namespace, { association }]) =>
        association ? [namespace] : [],
      ),

    read(of, association, startedAt) {
      const before = entryOf(of);
      const wrote = Math.max(before?.wroteAt ?? -Infinity, before?.lostAt ?? -Infinity);
      if (startedAt !== undefined && wrote >= startedAt) return false;
      set(of, { association: association ?? null, source: 'read', knownAt: now() });
      return JSON.stringify(before?.association ?? null) !== JSON.stringify(association ?? null);
    },

    wrote(of, association) {
      set(of, { association, source: 'write', wroteAt: now(), knownAt: now() });
    },

    lost(of) {
      set(of, { association: null, source: 'lost', lostAt: now() });
    },

    learn({ associations, startedAt }) {
      listed = true;
      const changed = new Set<string>();
      const seen = new Set<string>();
      for (const association of associations) {
        seen.add(`${association.namespace}/${association.serviceAccount}`);
        const before = entryOf(association);
        if (isYoung(before, startedAt) || before?.association?.id === association.id) continue;
        set(association, { association, source: 'sweep' });
        changed.add(association.serviceAccount);
      }
      for (const [serviceAccount, byNamespace] of entries) {
        for (const [namespace, before] of byNamespace) {
          if (!before.association || seen.has(`${namespace}/${serviceAccount}`)) continue;
          if (isYoung(before, startedAt)) continue;
          byNamespace.set(namespace, { association: null, source: 'sweep' });
          changed.add(serviceAccount);
        }
        if (!lookedFor.has(serviceAccount)) dropNone(serviceAccount, startedAt);
      }
      return [...changed];
    },

    accountGone(account) {
      lookedFor.delete(account);
      gone.add(account);
      for (const name of gone) dropNone(name);
    },

    longestUnread() {
      let oldest: Entry | undefined;
      let oldestAt = Infinity;
      for (const byNamespace of entries.values()) {
        for (const entry of byNamespace.values()) {
          const at = entry.knownAt ?? -Infinity;
          if (!entry.association || at >= oldestAt) continue;
          oldest = entry;
          oldestAt = at;
        }
      }
      return oldest?.association ?? undefined;
    },

    clear() {
      entries.clear();
      gone.clear();
      listed = false;
    },
  };
}
