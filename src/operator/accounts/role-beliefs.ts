/**
 * What the operator holds to be true of the roles of its cluster: what its own writes made so, what direct reads said, and
 * what sweeps of the whole AWS account said. Memory only; a restart fills it with one sweep.
 */
import { markedFor, type ObservedRole, type RoleBelief, type RoleSnapshot } from '../../identity/index.ts';

/**
 * How long after a write of ours a listing may still show the state before it, in milliseconds. IAM is eventually
 * consistent: IAM User Guide, "Changes that I make are not always immediately visible".
 */
const settleMs = 15_000;

type Entry = RoleBelief & { readonly wroteAt?: number };

export type RoleBeliefs = {
  /** All that is believed of the given names, and of the roles whose tags name the account. */
  forAccount(of: {
    clusterArn: string;
    account: string;
    names: readonly string[];
  }): ReadonlyMap<string, RoleBelief>;
  /** A direct read said so. */
  read(name: string, role: ObservedRole | undefined): void;
  /** We changed the role. `change` gets what was believed before, if that was a role. */
  wrote(
    name: string,
    change: (before: ObservedRole | null) => ObservedRole | null,
    what: 'trust' | 'other',
  ): void;
  /** A write ended in a way that leaves open whether there is such a role. */
  forget(name: string): void;
  /** A sweep said so. Returns the accounts of this cluster about whose roles it says something new. */
  learn(snapshot: RoleSnapshot, clusterArn: string): readonly string[];
  /** What is known is known of another AWS account or cluster. */
  clear(): void;
  readonly size: number;
};

export function createRoleBeliefs(now: () => number): RoleBeliefs {
  const entries = new Map<string, Entry>();
  const byAccount = new Map<string, Set<string>>();

  const accountOf = (role: ObservedRole | null): string | undefined => {
    const mark = role ? markedFor(role.tags) : undefined;
    return mark ? `${mark.clusterArn} ${mark.account}` : undefined;
  };
  const set = (name: string, entry: Entry): void => {
    const before = accountOf(entries.get(name)?.role ?? null);
    const after = accountOf(entry.role);
    if (before !== after) {
      if (before !== undefined) byAccount.get(before)?.delete(name);
      if (after !== undefined) byAccount.set(after, (byAccount.get(after) ?? new Set()).add(name));
    }
    entries.set(name, entry);
  };

  return {
    forAccount({ clusterArn, account, names }) {
      const found = new Map<string, RoleBelief>();
      for (const name of [...names, ...(byAccount.get(`${clusterArn} ${account}`) ?? [])]) {
        const entry = entries.get(name);
        if (entry) found.set(name, entry);
      }
      return found;
    },

    read(name, role) {
      const before = entries.get(name);
      set(name, { ...before, role: role ?? null, source: 'read' });
    },

    wrote(name, change, what) {
      const before = entries.get(name);
      set(name, {
        ...before,
        role: change(before?.role ?? null),
        source: 'write',
        wroteAt: now(),
        ...(what === 'trust' ? { trustWrittenAt: now() } : {}),
      });
    },

    forget(name) {
      const before = accountOf(entries.get(name)?.role ?? null);
      if (before !== undefined) byAccount.get(before)?.delete(name);
      entries.delete(name);
    },

    learn(snapshot, clusterArn) {
      const changed = new Set<string>();
      const seen = new Set<string>();
      for (const role of snapshot.roles) {
        const mark = markedFor(role.tags);
        const before = entries.get(role.name);
        // Roles of others matter only where we looked for one of ours.
        if (mark?.clusterArn !== clusterArn && !before) continue;
        seen.add(role.name);
        if (isYoung(before, snapshot)) continue;
        const told = { ...role, ...lengthOf(before?.role) };
        if (before?.role && sameRole(before.role, told)) continue;
        set(role.name, { ...before, role: told, source: 'sweep' });
        for (const account of [
          mark?.account,
          before?.role ? markedFor(before.role.tags)?.account : undefined,
        ]) {
          if (account !== undefined) changed.add(account);
        }
      }
      for (const [name, before] of entries) {
        if (seen.has(name) || !before.role || isYoung(before, snapshot)) continue;
        const account = markedFor(before.role.tags)?.account;
        set(name, { ...before, role: null, source: 'sweep' });
        if (account !== undefined) changed.add(account);
      }
      return [...changed];
    },

    clear() {
      entries.clear();
      byAccount.clear();
    },

    get size() {
      return entries.size;
    },
  };
}

/** A snapshot never undoes a younger write. */
function isYoung(entry: Entry | undefined, snapshot: RoleSnapshot): boolean {
  return entry?.wroteAt !== undefined && entry.wroteAt > snapshot.startedAt - settleMs;
}

/** A bulk listing leaves the session's length out, so what was known of it stays. */
function lengthOf(role: ObservedRole | null | undefined): Pick<ObservedRole, 'maxSessionDuration'> {
  return role?.maxSessionDuration === undefined ? {} : { maxSessionDuration: role.maxSessionDuration };
}

function sameRole(a: ObservedRole, b: ObservedRole): boolean {
  const text = (role: ObservedRole): string =>
    JSON.stringify([
      role.arn,
      role.id,
      role.trustPolicy,
      [...role.attachedPolicyArns].sort(),
      [...role.inlinePolicyNames].sort(),
      role.permissionsBoundaryArn,
      Object.entries(role.tags).sort(([x], [y]) => (x < y ? -1 : 1)),
    ]);
  return text(a) === text(b);
}
