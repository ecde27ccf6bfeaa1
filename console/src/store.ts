/**
 * Live state of the cluster, updated by the server's stream. Changes that arrive within one frame are rendered
 * together.
 */
import { useSyncExternalStore } from 'react';
import {
  type AccountRow,
  type FeedMessage,
  type PodRow,
  type Source,
  type SourceState,
} from '../../src/cli/console/wire.ts';
import { ApiError, stream } from './api.ts';

export type Cluster = {
  readonly accounts: readonly AccountRow[];
  readonly pods: readonly PodRow[];
  readonly targets: readonly string[];
  readonly status: Readonly<Record<Source, SourceState>>;
  /**
   * The state `lost` contains the time (milliseconds since the epoch) when the connection was lost. The rows then show
   * the cluster as it was at that time.
   */
  readonly connection:
    | { readonly state: 'connecting' | 'live' }
    | { readonly state: 'lost'; readonly since: number };
};

const loading: SourceState = { state: 'loading' };

const nothingRead: Cluster['status'] = {
  accounts: loading,
  apps: loading,
  targets: loading,
  pods: loading,
  events: loading,
  quarantines: loading,
};

/** Kinds that determine the rows of pods. */
export const podSources = ['pods', 'targets', 'accounts'] as const satisfies readonly Source[];

/** State of the rows of pods, which are complete only if all their kinds have been read. */
export function stateOfPods(status: Cluster['status']): SourceState['state'] {
  const states = podSources.map((source) => status[source].state);
  return states.find((state) => state === 'failed') ?? states.find((state) => state === 'loading') ?? 'live';
}

let cluster: Cluster = {
  accounts: [],
  pods: [],
  targets: [],
  status: nothingRead,
  connection: { state: 'connecting' },
};
const accounts = new Map<string, AccountRow>();
const pods = new Map<string, PodRow>();
const listeners = new Set<() => void>();
let isPublishDue = false;
let changed = { accounts: false, pods: false };

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useCluster(): Cluster {
  return useSyncExternalStore(listen, () => cluster);
}

/** Whether an account is in quarantine, for lists that show names of accounts. */
export function useIsQuarantined(account: string): boolean {
  return useSyncExternalStore(listen, () => accounts.get(account)?.quarantine !== undefined);
}

export const podKey = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

/**
 * Names of accounts whose row changed, and whether new Events arrived. Documents about these accounts or about Events
 * have to be fetched again.
 */
export type Outdated = { readonly accounts: readonly string[]; readonly events: boolean };

const firstDelayMs = 300;
const longestDelayMs = 5000;

/** Follows the stream until the signal aborts, and reconnects after each failure. */
export async function followCluster(
  onOutdated: (outdated: Outdated) => void,
  signal: AbortSignal,
): Promise<void> {
  let delay = firstDelayMs;
  while (!signal.aborted) {
    try {
      for await (const message of stream<FeedMessage>('stream', signal)) {
        delay = firstDelayMs;
        take(message);
        // A kind that can be read again changes all documents that were computed without it.
        const names = message.status
          ? [...accounts.keys()]
          : (message.accounts ?? []).map(({ name }) => name);
        const haveEventsChanged = message.events === true || message.status !== undefined;
        if (names.length > 0 || haveEventsChanged) onOutdated({ accounts: names, events: haveEventsChanged });
      }
    } catch (error) {
      // The session ended together with the server process that issued its key.
      if (error instanceof ApiError && error.code === 'UNAUTHENTICATED') location.reload();
    }
    const { connection } = cluster;
    if (connection.state !== 'lost') publish({ connection: { state: 'lost', since: Date.now() } });
    await new Promise((resolve) => setTimeout(resolve, delay));
    delay = Math.min(delay * 2, longestDelayMs);
  }
}

function take(message: FeedMessage): void {
  if (message.reset) {
    accounts.clear();
    pods.clear();
    changed = { accounts: true, pods: true };
  }
  for (const row of message.accounts ?? []) accounts.set(row.name, row);
  for (const name of message.removed?.accounts ?? []) accounts.delete(name);
  for (const row of message.pods ?? []) pods.set(podKey(row), row);
  for (const key of message.removed?.pods ?? []) pods.delete(key);
  if (message.accounts || message.removed?.accounts) changed.accounts = true;
  if (message.pods || message.removed?.pods) changed.pods = true;
  publish({
    connection: { state: 'live' },
    ...(message.reset ? { status: nothingRead } : {}),
    ...(message.targets ? { targets: message.targets } : {}),
    ...(message.status ? { status: message.status } : {}),
  });
}

function publish(next: Partial<Cluster>): void {
  cluster = { ...cluster, ...next };
  if (isPublishDue) return;
  isPublishDue = true;
  // Uses a timer instead of an animation frame, because a hidden tab gets no animation frames. The tab would show
  // outdated state when it becomes visible again.
  setTimeout(() => {
    isPublishDue = false;
    cluster = {
      ...cluster,
      ...(changed.accounts ? { accounts: sorted(accounts, ({ name }) => name) } : {}),
      ...(changed.pods ? { pods: sorted(pods, podKey) } : {}),
    };
    changed = { accounts: false, pods: false };
    for (const listener of listeners) listener();
  }, 16);
}

function sorted<T>(rows: ReadonlyMap<string, T>, key: (row: T) => string): readonly T[] {
  return [...rows.values()]
    .map((row) => [key(row), row] as const)
    .sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
    .map(([, row]) => row);
}
