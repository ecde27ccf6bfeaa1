/**
 * What the operator holds to be true of the roles of its cluster: what its own writes made so, what direct reads said, and
 * what listings of the whole AWS account said. Memory only; a restart fills it with one listing.
 */
import { markedFor, type ObservedRole, type RoleBelief, type RoleSnapshot } from '../../identity/index.ts';
import { sameValue } from '../same-value.ts';
import type { Monotonic } from '../../k8s/time.ts';

/**
 * How long after a write of ours an answer of AWS may still show the state before it, in milliseconds. IAM is
 * eventually consistent: IAM User Guide, "Changes that I make are not always immediately visible".
 */
const settleMs = 15_000;

/** No listing takes longer than this from its first page to its last, throttled as it may be. Milliseconds. */
const longestListingMs = 600_000;

type Entry = RoleBelief & {
  readonly wroteAt?: number;
  /** When the whole of it was last known: a listing leaves parts out. */
  readonly knownAt?: number;
};

export type RoleCache = {
  /**
   * All that is believed of the given names, and of the roles whose tags name the account. At its end (`isLast`) also those
   * of which a write left open whether they are there: nobody would look for them afterwards.
   */
  forAccount(of: {
    clusterArn: string;
    account: string;
    names: readonly string[];
    isLast?: boolean;
  }): ReadonlyMap<string, RoleBelief>;
  /** The role that is believed to have this name. */
  roleOf(name: string): ObservedRole | undefined;
  /**
   * A direct read, begun at `startedAt`, said so. Returns whether that was news about something we believed; an answer
   * that may be older than our last write is none.
   */
  read(name: string, role: ObservedRole | undefined, startedAt: number): boolean;
  /** We changed the role. `change` gets what was believed before, if that was a role. */
  wrote(
    name: string,
    change: (before: ObservedRole | null) => ObservedRole | null,
    what: 'trust' | 'other',
  ): void;
  /** A write ended in a way that leaves open whether there is such a role. */
  forget(name: string): void;
  /**
   * A creation with these tags was not answered, or refused: whether there is such a role is open, and not all of IAM may know
   * it yet.
   */
  perhapsMade(name: string, tags?: ObservedRole['tags']): void;
  /** What came of a write is not known. It is to be read, once an answer can be believed. */
  doubt(name: string): void;
  /** A write of ours was told that there is no such role, which shortly after an earlier one may not be so. */
  missed(name: string): void;
  /** Until it is released, one account alone may take the role over. Returns which; another one if that was first. */
  reserve(name: string, account: string): string;
  release(name: string): void;
  /** A listing said so. Returns the accounts of this cluster about whose roles it says something new. */
  learn(snapshot: RoleSnapshot, clusterArn: string): readonly string[];
  /** There is no such account any more. What only it looked for is dropped, once no answer can be older than what was done. */
  accountGone(account: string): void;
  /** The accounts to which a change of the role of this name matters: its own, and those that look for it. */
  concernedBy(name: string): ReadonlySet<string>;
  /** Names of existing roles of the cluster, those of which a part has not been seen for longest first. */
  owned(clusterArn: string): readonly string[];
  /** What is known is known of another AWS account or cluster. */
  clear(): void;
};

export function createRoleCache(now: () => Monotonic): RoleCache {
  const entries = new Map<string, Entry>();
  const byAccount = new Map<string, Set<string>>();
  /** Since when nobody but us writes roles of the cluster: whoever led before may have made some until then. */
  let since = now();
  /** By name, the accounts that look for it, whosever the role there is: it may be in their way. */
  const lookedForBy = new Map<string, Set<string>>();
  /** By account, the names that it looks for. */
  const looksFor = new Map<string, Set<string>>();
  /** Names that nobody looks for any more. */
  const unwanted = new Set<string>();
  /** By name, when a creation was last not known to have failed or not. */
  const perhapsMade = new Map<string, number>();
  /** By name, the account that takes the role over. */
  const reserved = new Map<string, string>();
  /** By account, the names of its roles that may or may not be there. */
  const open = new Map<string, Set<string>>();

  const accountOf = (role: Pick<ObservedRole, 'tags'> | null): string | undefined => {
    const mark = role ? markedFor(role.tags) : undefined;
    return mark ? `${mark.clusterArn} ${mark.account}` : undefined;
  };
  const set = (name: string, entry: Entry): void => {
    const before = accountOf(entries.get(name)?.role ?? null);
    const after = accountOf(entry.role);
    if (before !== after) {
      if (before !== undefined) dropFrom(byAccount, before, name);
      if (after !== undefined) byAccount.set(after, (byAccount.get(after) ?? new Set()).add(name));
    }
    if (entry.role) perhapsMade.delete(name);
    if (entry.readAgainAt === undefined) for (const account of open.keys()) dropFrom(open, account, name);
    entries.set(name, entry);
  };
  const forget = (name: string): void => {
    const before = accountOf(entries.get(name)?.role ?? null);
    if (before !== undefined) dropFrom(byAccount, before, name);
    entries.delete(name);
  };
  const leaveOpen = (name: string, tags: ObservedRole['tags'] | undefined): void => {
    const account = accountOf(tags ? { tags } : null);
    if (account !== undefined) open.set(account, (open.get(account) ?? new Set()).add(name));
    forget(name);
  };
  /** Roles with our marks stay: somebody has to know of them, whosever they were. */
  const dropUnwanted = (): void => {
    for (const name of unwanted) {
      const entry = entries.get(name);
      const wroteAt = Math.max(entry?.wroteAt ?? -Infinity, perhapsMade.get(name) ?? -Infinity);
      if (accountOf(entry?.role ?? null) !== undefined || wroteAt > now() - longestListingMs) continue;
      unwanted.delete(name);
      perhapsMade.delete(name);
      forget(name);
    }
  };
  /** The accounts to which a change of the role of this name may matter. */
  const concerned = (
    name: string,
    ...roles: readonly (ObservedRole | null | undefined)[]
  ): ReadonlySet<string> => {
    const marked = roles.flatMap((role) => (role && markedFor(role.tags)?.account) ?? []);
    return new Set([...marked, ...(lookedForBy.get(name) ?? [])]);
  };
  /** That there is no role, if it may have been made so shortly before that not all of IAM knows: to be asked again. */
  const unlessJustMade = (name: string, askedAt: number): Pick<RoleBelief, 'readAgainAt'> => {
    const knownFrom = Math.max(since, perhapsMade.get(name) ?? -Infinity) + settleMs;
    if (askedAt < knownFrom) return { readAgainAt: knownFrom };
    perhapsMade.delete(name);
    return {};
  };

  return {
    forAccount({ clusterArn, account, names, isLast = false }) {
      for (const name of names) {
        lookedForBy.set(name, (lookedForBy.get(name) ?? new Set()).add(account));
        looksFor.set(account, (looksFor.get(account) ?? new Set()).add(name));
        unwanted.delete(name);
      }
      const found = new Map<string, RoleBelief>();
      for (const name of [...names, ...(byAccount.get(`${clusterArn} ${account}`) ?? [])]) {
        const entry = entries.get(name);
        if (entry) found.set(name, entry);
      }
      for (const name of (isLast && open.get(`${clusterArn} ${account}`)) || [])
        found.set(name, entries.get(name) ?? { role: null, source: 'sweep' });
      return found;
    },

    roleOf: (name) => entries.get(name)?.role ?? undefined,

    read(name, role, startedAt) {
      const before = entries.get(name);
      const isDoubted = before?.readAgainAt !== undefined;
      if (isYoung(before, startedAt)) {
        if (isDoubted) set(name, { ...before, readAgainAt: before.wroteAt + settleMs });
        return false;
      }
      const { readAgainAt: _, ...kept } = before ?? {};
      // What differs after a write that was not answered is that write's doing, and nobody else's.
      set(name, {
        ...kept,
        role: role ?? null,
        source: isDoubted ? 'write' : 'read',
        knownAt: startedAt,
        ...(role ? {} : unlessJustMade(name, startedAt)),
      });
      return before === undefined || !sameBelief(before.role, role ?? null);
    },

    wrote(name, change, what) {
      const before = entries.get(name);
      const at = now();
      const role = change(before?.role ?? null);
      set(name, {
        ...before,
        role,
        source: 'write',
        wroteAt: at,
        ...(before?.role ? {} : { knownAt: at }),
        ...(what === 'trust' ? { trustWrittenAt: at } : {}),
      });
    },

    forget: (name) => leaveOpen(name, entries.get(name)?.role?.tags),

    perhapsMade(name, tags) {
      leaveOpen(name, tags);
      perhapsMade.set(name, now());
    },

    doubt(name) {
      const before = entries.get(name);
      if (before) entries.set(name, { ...before, readAgainAt: now() + settleMs });
    },

    missed(name) {
      const before = entries.get(name);
      if (isYoung(before, now())) return;
      set(name, { ...before, role: null, source: 'read', ...unlessJustMade(name, now()) });
    },

    reserve(name, account) {
      const first = reserved.get(name) ?? account;
      reserved.set(name, first);
      return first;
    },

    release: (name) => void reserved.delete(name),

    learn(snapshot, clusterArn) {
      const changed = new Set<string>();
      const seen = new Set<string>();
      for (const role of snapshot.roles) {
        const mark = markedFor(role.tags);
        const before = entries.get(role.name);
        // Roles of others matter only where we looked for one of ours.
        if (mark?.clusterArn !== clusterArn && !before) continue;
        seen.add(role.name);
        if (isYoung(before, snapshot.startedAt)) continue;
        const told = { ...role, ...leftOut(before?.role, snapshot) };
        if (before?.role && sameRole(before.role, told)) continue;
        set(role.name, { ...before, role: told, source: 'sweep' });
        for (const account of concerned(role.name, role, before?.role)) changed.add(account);
      }
      for (const [name, before] of entries) {
        if (seen.has(name) || !before.role || isYoung(before, snapshot.startedAt)) continue;
        const accounts = concerned(name, before.role);
        set(name, { ...before, role: null, source: 'sweep' });
        for (const account of accounts) changed.add(account);
      }
      dropUnwanted();
      return [...changed];
    },

    accountGone(account) {
      for (const name of looksFor.get(account) ?? []) {
        dropFrom(lookedForBy, name, account);
        if (!lookedForBy.has(name)) unwanted.add(name);
      }
      looksFor.delete(account);
      for (const key of open.keys()) if (key.endsWith(` ${account}`)) open.delete(key);
      dropUnwanted();
    },

    concernedBy: (name) => concerned(name, entries.get(name)?.role),

    owned(clusterArn) {
      const found: { name: string; knownAt: number }[] = [];
      for (const [name, { role, knownAt = -Infinity }] of entries) {
        if (role && markedFor(role.tags)?.clusterArn === clusterArn) found.push({ name, knownAt });
      }
      return found.sort((a, b) => a.knownAt - b.knownAt).map(({ name }) => name);
    },

    clear() {
      entries.clear();
      byAccount.clear();
      lookedForBy.clear();
      looksFor.clear();
      unwanted.clear();
      perhapsMade.clear();
      open.clear();
      since = now();
    },
  };
}

function dropFrom(sets: Map<string, Set<string>>, key: string, member: string): void {
  const members = sets.get(key);
  if (members?.delete(member) && members.size === 0) sets.delete(key);
}

/** An answer never undoes a younger write. */
function isYoung(entry: Entry | undefined, askedAt: number): entry is Entry & { readonly wroteAt: number } {
  return entry?.wroteAt !== undefined && entry.wroteAt > askedAt - settleMs;
}

/** A listing leaves the session's length out, and may leave out boundaries; what was known of them stays. */
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

function sameBelief(a: ObservedRole | null, b: ObservedRole | null): boolean {
  if (!a || !b) return a === b;
  return sameRole(a, b) && a.maxSessionDuration === b.maxSessionDuration;
}

/** A listing asks it of every role there is. */
function sameRole(a: ObservedRole, b: ObservedRole): boolean {
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
