/** Sends the rows of a cluster view to its subscribers: first all rows, then those that changed. */
import type { SetTimer } from '../../kube/index.ts';
import type { ClusterView, Touched } from './cluster-view.ts';
import type { FeedMessage, Source, SourceState } from './wire.ts';

type Send = (message: FeedMessage) => void;

/** Time during which changes are gathered into one message. */
const gatherMs = 100;
/** Maximum number of rows per message, so that the page can draw while the rows of a large cluster arrive. */
const rowsPerMessage = 1000;

export function createSubscribers(view: ClusterView, setTimer: SetTimer, signal: AbortSignal) {
  /** Each subscriber, and whether it has received all rows of the current state. */
  const subscribers = new Map<Send, { isComplete: boolean }>();
  const dirty = { accounts: new Set<string>(), pods: new Set<string>(), targets: false, events: false };
  let isFlushDue = false;

  const messagesOf = ({ accounts = [], pods = [] }: Touched): readonly FeedMessage[] => [
    ...partsOf(accounts).map((names) => {
      const { rows, gone } = rowsOf(names, (name) => view.accountRow(name));
      return { accounts: rows, ...(gone.length > 0 ? { removed: { accounts: gone } } : {}) };
    }),
    ...partsOf(pods).map((keys) => {
      const { rows, gone } = rowsOf(keys, (key) => view.podRow(key));
      return { pods: rows, ...(gone.length > 0 ? { removed: { pods: gone } } : {}) };
    }),
  ];

  const flush = (): void => {
    isFlushDue = false;
    if (signal.aborted) return;
    const head: FeedMessage = {
      ...(dirty.targets ? { targets: view.targets() } : {}),
      ...(dirty.events ? { events: true as const } : {}),
    };
    const rows = messagesOf({ accounts: [...dirty.accounts], pods: [...dirty.pods] });
    const messages = dirty.targets || dirty.events ? [head, ...rows] : rows;
    dirty.accounts.clear();
    dirty.pods.clear();
    dirty.targets = false;
    dirty.events = false;
    for (const message of messages) for (const send of subscribers.keys()) send(message);
  };

  view.onChange(({ accounts = [], pods = [], targets = false, events = false }) => {
    for (const name of accounts) dirty.accounts.add(name);
    for (const key of pods) dirty.pods.add(key);
    dirty.targets ||= targets;
    dirty.events ||= events;
    if (isFlushDue) return;
    isFlushDue = true;
    setTimer(flush, gatherMs);
  });

  const sendAll = (send: Send): void => {
    const progress = { isComplete: false };
    subscribers.set(send, progress);
    send({ reset: true, targets: view.targets() });
    // Rows are sent in several messages, one after the other, so that the page draws the first rows early. Each message
    // contains the state at the time it is sent.
    const parts: Touched[] = [
      ...partsOf(view.accounts.store.keys()).map((names) => ({ accounts: names })),
      ...partsOf(view.pods.keys()).map((keys) => ({ pods: keys })),
    ];
    const sendNext = (): void => {
      const part = parts.shift();
      if (subscribers.get(send) !== progress) return;
      if (!part) {
        // The status is sent last, because it reports the rows as complete. Rows that have changed in the meantime are
        // still pending.
        flush();
        progress.isComplete = true;
        send({ status: view.status() });
        return;
      }
      for (const message of messagesOf(part)) send(message);
      setTimer(sendNext, 0);
    };
    sendNext();
  };

  return {
    count: () => subscribers.size,
    /** Sends the rows that changed since the last flush. */
    flush,
    /** Sends the state of the informers to each subscriber that has received all rows. */
    sendStatus(status: Record<Source, SourceState>): void {
      for (const [send, { isComplete }] of subscribers) if (isComplete) send({ status });
    },
    /** Sends all rows to each subscriber again. */
    resend(): void {
      for (const send of subscribers.keys()) sendAll(send);
    },
    subscribe: (send: Send): (() => void) => {
      sendAll(send);
      return () => subscribers.delete(send);
    },
  };
}

function partsOf(keys: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(keys.length / rowsPerMessage) }, (_, index) =>
    keys.slice(index * rowsPerMessage, (index + 1) * rowsPerMessage),
  );
}

/** Returns the rows, and the keys that have no row. */
function rowsOf<Row>(
  keys: readonly string[],
  rowOf: (key: string) => Row | undefined,
): { readonly rows: readonly Row[]; readonly gone: readonly string[] } {
  const found = keys.map(rowOf);
  return {
    rows: found.filter((row) => row !== undefined),
    gone: keys.filter((_, index) => found[index] === undefined),
  };
}
