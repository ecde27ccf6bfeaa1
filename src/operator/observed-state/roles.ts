/** Cached IAM roles of the cluster, and of every name that an account looks for. */
import { taggedOwner, type ObservedRole, type CachedRole, type RoleSnapshot } from '../../identity/index.ts';
import type { Monotonic } from '../../k8s/time.ts';
import { sameValue } from '../same-value.ts';
import { createAwsCache, isYoung, mayPrecede, settleMs, type Entry } from './aws-cache.ts';

type Owner = { readonly clusterArn: string; readonly account: string };

type RoleEntry = Entry<ObservedRole> & {
  readonly trustWrittenAt?: number;
  /** `owner`: the account named by the tags of the role that may or may not exist. */
  readonly unknown?: { readonly at?: number; readonly owner?: Owner | undefined };
};

export type RoleCache = {
  /**
   * Cached state of the given names, and of the roles whose tags name the account. At its end (`isLast`) also of those
   * that may or may not exist after a write with unknown outcome: no later reconcile would look for them.
   */
  forAccount(of: {
    clusterArn: string;
    account: string;
    names: readonly string[];
    isLast?: boolean;
  }): ReadonlyMap<string, CachedRole>;
  /** The role of this name; undefined if there is none or its state is unknown. */
  roleOf(name: string): ObservedRole | undefined;
  /** Stores the answer to a read begun at `startedAt`. Returns whether it changed what was cached. */
  read(name: string, role: ObservedRole | undefined, startedAt: number): boolean;
  /** Stores a write that AWS confirmed. `change` gets the cached role, null if there is none. */
  wrote(
    name: string,
    change: (before: ObservedRole | null) => ObservedRole | null,
    what: 'trust' | 'other',
  ): void;
  /** The role may have been deleted or handed over by a write with unknown outcome. */
  forget(name: string): void;
  /** The role may have been created with these tags, and IAM may not show it everywhere yet. */
  perhapsCreated(name: string, tags?: ObservedRole['tags']): void;
  /** A write to the role has an unknown outcome: it is read once an answer can show that. */
  doubt(name: string): void;
  /** IAM answered a write with "no such role". */
  missed(name: string): void;
  /** Reserves the role for adoption by one account until it is released. Returns the account that holds the reservation. */
  reserve(name: string, account: string): string;
  release(name: string): void;
  /** Stores a listing. Returns the accounts of the cluster for whose roles it shows a change. */
  learn(snapshot: RoleSnapshot, clusterArn: string): readonly string[];
  /** The account was deleted: what only it looked for is dropped in time. */
  accountGone(account: string): void;
  /** Accounts to which a change of the role matters: the one in its tags, and those that look for the name. */
  concernedBy(name: string): ReadonlySet<string>;
  /** Names of existing roles of the cluster, longest not known as a whole first. */
  owned(clusterArn: string): readonly string[];
  /** Drops everything, which was observed in another AWS account or cluster. */
  clear(): void;
};

export function createRoleCache(now: () => Monotonic): RoleCache {
  /** When this process became the only writer: the previous leader may have created roles until then. */
  let since = now();
  const lookedForBy = new Map<string, Set<string>>();
  const reservations = new Map<string, string>();

  const concernedBy = (
    name: string,
    ...roles: readonly (ObservedRole | null | undefined)[]
  ): ReadonlySet<string> => {
    const marked = roles.flatMap((role) => (role && taggedOwner(role.tags)?.account) ?? []);
    return new Set([...marked, ...(lookedForBy.get(name) ?? [])]);
  };
  const cache = createAwsCache<ObservedRole, RoleEntry>({
    now,
    ownerOf: (_name, entry) => ownerOf(entry)?.account,
    concernedBy,
    // Roles with ownership tags stay, so that leftover roles are found.
    isNeeded: (name, { object }) =>
      lookedForBy.has(name) || (object !== null && taggedOwner(object.tags) !== undefined),
    isSame: sameAsListed,
  });
  /** Undefined as well where a write left open whether there is a role. */
  const known = (name: string): RoleEntry | undefined => {
    const entry = cache.get(name);
    return entry?.source === 'unknown' ? undefined : entry;
  };
  /** State of a name for which IAM shows no role: still unknown if the role may have been created too recently. */
  const absent = (name: string, askedAt: number): Pick<RoleEntry, 'unknown'> => {
    const unknown = cache.get(name)?.unknown;
    const at = Math.max(since, unknown?.at ?? -Infinity);
    return askedAt < at + settleMs ? { unknown: { ...unknown, at } } : {};
  };
  const setUnknown = (name: string, unknown: NonNullable<RoleEntry['unknown']>): void =>
    cache.set(name, { object: null, source: 'unknown', unknown });

  return {
    forAccount({ clusterArn, account, names, isLast = false }) {
      const found = new Map<string, CachedRole>();
      for (const name of names) {
        lookedForBy.set(name, (lookedForBy.get(name) ?? new Set()).add(account));
        const entry = known(name);
        if (entry) found.set(name, beliefOf(entry));
      }
      for (const [name, entry] of cache.ofAccount(account)) {
        const isOfCluster = ownerOf(entry)?.clusterArn === clusterArn;
        if (isOfCluster && (entry.object || isLast)) found.set(name, beliefOf(entry));
      }
      return found;
    },

    roleOf: (name) => known(name)?.object ?? undefined,

    read(name, role, startedAt) {
      const before = known(name);
      if (mayPrecede(startedAt, before)) return false;
      const { unknown, ...kept } = before ?? {};
      cache.set(name, {
        ...kept,
        object: role ?? null,
        // A difference after a write with unknown outcome is the result of that write.
        source: unknown ? 'write' : 'read',
        knownAt: startedAt,
        ...(role ? {} : absent(name, startedAt)),
      });
      return before === undefined || !sameAsRead(before.object, role ?? null);
    },

    wrote(name, change, what) {
      const { unknown, ...before } = known(name) ?? { object: null };
      const at = now();
      cache.set(name, {
        ...before,
        ...(before.object && unknown ? { unknown } : {}),
        object: change(before.object),
        source: 'write',
        wroteAt: at,
        ...(before.object ? {} : { knownAt: at }),
        ...(what === 'trust' ? { trustWrittenAt: at } : {}),
      });
    },

    forget: (name) => setUnknown(name, { owner: ownerOf(cache.get(name)) }),

    perhapsCreated: (name, tags) => setUnknown(name, { at: now(), owner: tags && taggedOwner(tags) }),

    doubt(name) {
      const before = known(name);
      if (before) cache.set(name, { ...before, unknown: { ...before.unknown, at: now() } });
    },

    missed(name) {
      const before = known(name);
      if (isYoung(before, now())) return;
      cache.set(name, { ...before, object: null, source: 'read', ...absent(name, now()) });
    },

    reserve(name, account) {
      const first = reservations.get(name) ?? account;
      reservations.set(name, first);
      return first;
    },

    release: (name) => void reservations.delete(name),

    learn(snapshot, clusterArn) {
      const objects = snapshot.roles.flatMap((role): [string, ObservedRole][] => {
        const before = known(role.name);
        // Roles of others matter only at names that an account looks for.
        if (!before && taggedOwner(role.tags)?.clusterArn !== clusterArn) return [];
        return [[role.name, { ...role, ...leftOut(before?.object, snapshot) }]];
      });
      return cache.learn(objects, snapshot.startedAt);
    },

    accountGone(account) {
      for (const [name, accounts] of lookedForBy)
        if (accounts.delete(account) && accounts.size === 0) lookedForBy.delete(name);
      for (const [name, entry] of cache.ofAccount(account)) {
        const { owner: _, ...unknown } = entry.unknown ?? {};
        if (!entry.object) cache.set(name, { ...entry, unknown });
      }
      cache.prune();
    },

    concernedBy: (name) => concernedBy(name, known(name)?.object),

    owned: (clusterArn) =>
      cache
        .oldestFirst()
        .flatMap(({ object }) =>
          object && taggedOwner(object.tags)?.clusterArn === clusterArn ? [object.name] : [],
        ),

    clear() {
      cache.clear();
      lookedForBy.clear();
      since = now();
    },
  };
}

function ownerOf(entry: RoleEntry | undefined): Owner | undefined {
  return entry?.object ? taggedOwner(entry.object.tags) : entry?.unknown?.owner;
}

function beliefOf({ object, source, unknown, wroteAt = -Infinity, trustWrittenAt }: RoleEntry): CachedRole {
  if (source === 'unknown') return { role: null, source: 'list' };
  return {
    role: object,
    source,
    ...(trustWrittenAt === undefined ? {} : { trustWrittenAt }),
    ...(unknown?.at === undefined ? {} : { readAgainAt: Math.max(unknown.at, wroteAt) + settleMs }),
  };
}

/** Known parts that a listing leaves out: the session's length, and boundaries where it shows none on any role. */
function leftOut(
  role: ObservedRole | null | undefined,
  snapshot: RoleSnapshot,
): Pick<ObservedRole, 'maxSessionDuration' | 'permissionsBoundaryArn'> {
  const { maxSessionDuration, permissionsBoundaryArn } = role ?? {};
  return {
    ...(maxSessionDuration === undefined ? {} : { maxSessionDuration }),
    ...(permissionsBoundaryArn !== undefined && snapshot.withoutBoundaries ? { permissionsBoundaryArn } : {}),
  };
}

function sameAsRead(a: ObservedRole | null, b: ObservedRole | null): boolean {
  if (!a || !b) return a === b;
  return sameAsListed(a, b) && a.maxSessionDuration === b.maxSessionDuration;
}

/** Compares the parts that listings show. Runs for every role of a listing. */
function sameAsListed(a: ObservedRole, b: ObservedRole): boolean {
  return (
    a.arn === b.arn &&
    a.id === b.id &&
    a.trustPolicy === b.trustPolicy &&
    a.permissionsBoundaryArn === b.permissionsBoundaryArn &&
    sameInAnyOrder(a.attachedPolicyArns, b.attachedPolicyArns) &&
    sameInAnyOrder(a.inlinePolicyNames, b.inlinePolicyNames) &&
    sameValue(a.tags, b.tags)
  );
}

function sameInAnyOrder(a: readonly string[], b: readonly string[]): boolean {
  return sameValue(a, b) || sameValue(a.toSorted(), b.toSorted());
}
