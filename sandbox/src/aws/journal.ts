/**
 * Record of all calls and their results, in order. Tests and benchmarks use the journal to count calls and to find
 * periods when pods had no access, as seen from AWS. The journal never contains a token, secret or payload.
 */
import type { ServiceName } from './wire/service.ts';

export type JournalEntry = {
  /** Sequence number: starts at 1 and has no gaps, in order of arrival. */
  readonly sequence: number;
  /** Arrival of the call, in milliseconds since the epoch. */
  readonly time: number;
  readonly durationMs: number;
  readonly requestId: string;
  readonly service: ServiceName;
  /** Empty when the request was refused before its action was identified. */
  readonly action: string;
  readonly resource: string;
  /** ARN of the caller; absent for unsigned calls and for calls with a wrong signature. */
  readonly caller?: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly status: number;
  /** Code of the error; absent when the call succeeded. */
  readonly errorCode?: string;
  /** Whether the call changed state. An idempotent repetition changes nothing. */
  readonly changed: boolean;
  /** Fault that was injected into the call. */
  readonly fault?: InjectedFault;
};

export type InjectedFault = 'throttled' | 'failed' | 'rule' | 'droppedBeforeCall' | 'responseLost';

type JournalFilter = {
  /** Limits the result to entries with a greater sequence number. */
  readonly since?: number | undefined;
  readonly service?: string | undefined;
  readonly action?: string | undefined;
  readonly limit?: number | undefined;
};

export type Journal = {
  readonly record: (entry: Omit<JournalEntry, 'sequence'>) => void;
  readonly entries: (filter?: JournalFilter) => readonly JournalEntry[];
  /** Number of calls since the start, by `service:Action`. Entries that the journal has discarded are included. */
  readonly counts: () => Readonly<Record<string, number>>;
  /** Greatest sequence number of an entry so far. */
  readonly last: () => number;
  /** Number of old entries that were discarded. */
  readonly forgotten: () => number;
};

/** Keeps at least `capacity` entries, and at most twice as many. */
export function createJournal(capacity = 50_000): Journal {
  let kept: JournalEntry[] = [];
  let last = 0;
  const counts = new Map<string, number>();
  const forgotten = (): number => last - kept.length;
  return {
    record: (entry) => {
      last += 1;
      kept.push({ sequence: last, ...entry });
      const name = `${entry.service}:${entry.action}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      if (kept.length > 2 * capacity) kept = kept.slice(-capacity);
    },
    entries: ({ since = 0, service, action, limit = Infinity } = {}) => {
      const found: JournalEntry[] = [];
      for (
        let index = Math.max(0, since - forgotten());
        index < kept.length && found.length < limit;
        index += 1
      ) {
        const entry = kept[index];
        if (!entry) continue;
        if (service !== undefined && entry.service !== service) continue;
        if (action !== undefined && entry.action !== action) continue;
        found.push(entry);
      }
      return found;
    },
    counts: () => Object.fromEntries(counts),
    last: () => last,
    forgotten,
  };
}
