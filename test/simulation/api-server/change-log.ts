/**
 * Ordered log of the changes to a simulated API server's objects, and delivery of the changes to watches: immediately,
 * with a delay, or never if the log was truncated.
 */
import {
  KubeApiError,
  KubeUnreachableError,
  type KubeObject,
  type SetTimer,
  type WatchEvent,
} from '../../../src/kube/index.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';

export type Change = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
  /** The object before the change; absent for ADDED. */
  readonly before?: KubeObject;
  readonly version: number;
  /** Time of the change in milliseconds. */
  readonly at: number;
};

/** The server as one client sees it, possibly with a delay, like a lagging replica. */
export type View = {
  /** Delay of watch events in milliseconds. Called for each change; changes keep their order. */
  lagMs(): number;
  /**
   * Age of a new watch's initial state, in milliseconds. `any`: the client accepts any version (version 0), and a
   * server may respond from a stale cache. `most recent`: the client requires the most recent state.
   */
  ageMs(asks: 'most recent' | 'any'): number;
  /** Whether the client's watches never receive this change. Only a list shows the result of the change. */
  misses(change: Change): boolean;
};

export const freshView: View = { lagMs: () => 0, ageMs: () => 0, misses: () => false };

export type WatchScope = {
  readonly from: number | undefined;
  readonly matches: (object: KubeObject) => boolean;
  readonly sendInitialEvents: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onOpen: (() => void) | undefined;
};

export type ChangeLog = {
  record(collection: string, change: Change): void;
  /** Returns the objects as the view currently shows them. */
  snapshot(
    collection: string,
    view: View,
    asks: 'most recent' | 'any',
  ): { readonly objects: readonly KubeObject[]; readonly version: number };
  watch(
    collection: string,
    scope: WatchScope,
    view: View,
    closed: AbortSignal,
  ): AsyncGenerator<WatchEvent<KubeObject>>;
  /** Breaks every open watch. With `forget`, later watches cannot resume, so the client has to list again. */
  interrupt(options: { readonly forget: boolean }): void;
};

/** Interval of bookmarks in milliseconds. kube-apiserver sends a bookmark about every minute. */
const bookmarkMs = 60_000;

type Late = { readonly change: Change; readonly dueAt: number };
type Watcher = {
  readonly tell: (change: Change) => void;
  readonly bookmark: () => void;
  readonly end: (error?: Error) => void;
};

export function createChangeLog(options: {
  readonly now: () => Monotonic;
  readonly setTimer: SetTimer;
  readonly version: () => number;
  /** Increases the version, as a change to another object does, and returns the new version. */
  readonly advance: () => number;
}): ChangeLog {
  const { now, setTimer, version, advance } = options;
  const changes = new Map<string, Change[]>();
  const watchers = new Map<string, Set<Watcher>>();
  let oldest = version();
  let bookmarking = false;

  const changesOf = (collection: string): Change[] => {
    const known = changes.get(collection) ?? [];
    changes.set(collection, known);
    return known;
  };
  const watchersOf = (collection: string): Set<Watcher> => {
    const known = watchers.get(collection) ?? new Set();
    watchers.set(collection, known);
    return known;
  };
  const startBookmarks = (): void => {
    if (bookmarking) return;
    bookmarking = true;
    setTimer(() => {
      bookmarking = false;
      let open = 0;
      for (const all of watchers.values())
        for (const watcher of all) {
          open += 1;
          watcher.bookmark();
        }
      if (open > 0) startBookmarks();
    }, bookmarkMs);
  };
  /** Newest version that is at least `ageMs` old. */
  const versionAt = (collection: string, ageMs: number): number => {
    if (ageMs <= 0) return version();
    const past = changesOf(collection).filter((change) => change.at <= now() - ageMs);
    return past.at(-1)?.version ?? 1;
  };

  const snapshotAt = (collection: string, at: number): readonly KubeObject[] => {
    const objects = new Map<string, KubeObject>();
    for (const change of changesOf(collection)) {
      if (change.version > at) break;
      const { namespace = '', name } = change.object.metadata;
      if (change.type === 'DELETED') objects.delete(`${namespace}/${name}`);
      else objects.set(`${namespace}/${name}`, change.object);
    }
    return [...objects.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  };

  return {
    record(collection, change) {
      changesOf(collection).push(change);
      for (const watcher of watchersOf(collection)) watcher.tell(change);
    },

    snapshot(collection, view, asks) {
      // A plain list returns the most recent state, as the API server guarantees. The view decides the initial state of
      // a watch.
      const at = asks === 'any' ? versionAt(collection, view.ageMs(asks)) : version();
      return { objects: snapshotAt(collection, at), version: at };
    },

    async *watch(collection, scope, view, closed) {
      const { matches, signal } = scope;
      const asks = scope.from === 0 ? 'any' : 'most recent';
      const from = scope.from === 0 ? undefined : scope.from;
      if (from !== undefined && from < oldest) {
        const message = `too old resource version: ${from} (${oldest})`;
        scope.onOpen?.();
        yield { type: 'ERROR', error: new KubeApiError({ code: 410, reason: 'Expired', message }) };
        return;
      }
      const age = from === undefined ? view.ageMs(asks) : 0;
      const startedAt = from ?? versionAt(collection, age);
      const queue: Change[] = [];
      const late: Late[] = [];
      let heard = startedAt;
      let lastDueAt = 0;
      let armed = false;
      let isOver = false;
      let wantsBookmark = false;
      let failure: Error | undefined;
      let wake: (() => void) | undefined;
      const deliver = (): void => {
        armed = false;
        while (late[0] && late[0].dueAt <= now()) {
          const due = late.shift();
          if (due) queue.push(due.change);
        }
        arm();
        wake?.();
      };
      const arm = (): void => {
        if (armed || !late[0]) return;
        armed = true;
        setTimer(deliver, late[0].dueAt - now());
      };
      const follow = (change: Change, lagMs: number): void => {
        lastDueAt = Math.max(lastDueAt, change.at + lagMs);
        if (lastDueAt <= now() && late.length === 0) {
          queue.push(change);
          wake?.();
          return;
        }
        late.push({ change, dueAt: lastDueAt });
        arm();
      };
      const watcher: Watcher = {
        tell(change) {
          if (!view.misses(change)) follow(change, view.lagMs());
        },
        bookmark() {
          wantsBookmark = scope.bookmarks;
          wake?.();
        },
        end(error) {
          isOver = true;
          failure = error;
          wake?.();
        },
      };
      const initial = from === undefined ? snapshotAt(collection, startedAt).filter(matches) : [];
      for (const change of changesOf(collection))
        if (change.version > startedAt) follow(change, Math.max(age, view.lagMs()));
      watchersOf(collection).add(watcher);
      startBookmarks();
      const stop = (): void => watcher.end(signal?.reason as Error);
      signal?.addEventListener('abort', stop, { once: true });
      const forsake = (): void => void watchersOf(collection).delete(watcher);
      closed.addEventListener('abort', forsake, { once: true });
      const cancelTimeout =
        scope.timeoutMs === undefined ? undefined : setTimer(() => watcher.end(), scope.timeoutMs);
      try {
        scope.onOpen?.();
        for (const object of initial) yield { type: 'ADDED', object };
        if (scope.sendInitialEvents)
          yield { type: 'BOOKMARK', resourceVersion: String(startedAt), initialEventsEnd: true };
        for (;;) {
          const change = queue.shift();
          if (change) {
            heard = change.version;
            const type = typeFor(change, matches);
            if (type) yield { type, object: change.object };
            continue;
          }
          if (signal?.aborted) throw signal.reason;
          if (isOver) {
            if (failure) throw failure;
            return;
          }
          if (wantsBookmark) {
            wantsBookmark = false;
            const upTo = late[0] ? heard : Math.max(heard, version());
            yield { type: 'BOOKMARK', resourceVersion: String(upTo), initialEventsEnd: false };
            continue;
          }
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = undefined;
        }
      } finally {
        cancelTimeout?.();
        watchersOf(collection).delete(watcher);
        signal?.removeEventListener('abort', stop);
        closed.removeEventListener('abort', forsake);
      }
    },

    interrupt({ forget }) {
      // The oldest version that a watch can resume from is newer than any version that a client has received, so every
      // client has to list again.
      if (forget) oldest = advance();
      const error = new KubeUnreachableError('reset', 'https://simulated', 'the connection broke');
      for (const all of watchers.values()) for (const watcher of all) watcher.end(error);
    },
  };
}

/**
 * Type of the event for a watch with a selector: an object that no longer matches is reported as deleted, and an object
 * that newly matches is reported as added.
 */
function typeFor(change: Change, matches: (object: KubeObject) => boolean): Change['type'] | undefined {
  const before = change.before !== undefined && matches(change.before);
  if (change.type === 'DELETED') return before ? 'DELETED' : undefined;
  const after = matches(change.object);
  if (before && after) return 'MODIFIED';
  if (after) return 'ADDED';
  return before ? 'DELETED' : undefined;
}
