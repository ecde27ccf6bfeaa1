/**
 * Mirrors one resource into a sink, like client-go's `tools/cache/reflector.go`: lists, watches from the
 * resourceVersion of the list, resumes from the last resourceVersion when the watch ends, and lists again when that
 * resourceVersion has expired. Only the signal stops a reflector.
 */
import { backoffDelayMs, type BackoffPolicy } from './backoff.ts';
import {
  isBadRequest,
  isGone,
  isInvalid,
  isNotFound,
  isResourceVersionTooLarge,
  isTooManyRequests,
  KubeApiError,
} from './errors.ts';
import type { KubeClient, WatchEvent } from './kube-client.ts';
import type { Logger } from './logger.ts';
import type { KubeObject } from './object.ts';
import type { Resource } from './resource.ts';
import { sleep, type Random, type SetTimer } from './timing.ts';
import { errorMessage, toError } from '../k8s/errors.ts';
import type { Monotonic } from '../k8s/time.ts';

/** Delays and timeouts of a reflector. */
export type ReflectorLimits = {
  /** Delay between tries, doubled with each failure in a row. client-go: 0.8 s to 30 s. */
  readonly backoff: BackoffPolicy;
  /**
   * Minimum duration of a watch. The actual duration is random, up to twice as long, so that the watches of many
   * processes do not end together. client-go: 5 min.
   */
  readonly watchSeconds: number;
  /** A connection counts as broken after this much silence; the server sends a bookmark about every minute. */
  readonly idleMs: number;
  /** After this time without data in a streaming list, a normal list is requested instead. */
  readonly streamingListIdleMs: number;
  /** Retries for a kind that is not served (yet), before the backoff starts to grow. */
  readonly notServed: { readonly everyMs: number; readonly times: number };
};

export const defaultReflectorLimits: ReflectorLimits = {
  backoff: { baseMs: 800, maxMs: 30_000 },
  watchSeconds: 300,
  idleMs: 150_000,
  streamingListIdleMs: 10_000,
  notServed: { everyMs: 250, times: 40 },
};

/** Receiver of observed objects. Implementations must not throw. */
export type ReflectorSink<T> = {
  /** Reduces an object to the parts to keep. It is called as objects arrive, so that full objects are never all in memory. */
  readonly take: (object: T) => T;
  /** Replaces the state with these reduced objects. */
  readonly replace: (taken: readonly T[]) => void;
  /** Adds or updates an object, which has not been reduced. */
  readonly upsert: (object: T) => void;
  readonly remove: (object: T) => void;
  /** Called for each response of the server. */
  readonly contact: () => void;
  readonly failed: (error: Error) => void;
};

export type ReflectorOptions<T> = {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly sink: ReflectorSink<T>;
  /** Leaves out `metadata.managedFields` in watches; `sink.take` drops them in lists. */
  readonly omitManagedFields?: boolean | undefined;
  /** Requests the initial state in a watch. Falls back to a list if the server does not support that. */
  readonly streamingList: boolean;
  readonly limits: ReflectorLimits;
  readonly now: () => Monotonic;
  readonly random: Random;
  readonly setTimer: SetTimer;
  readonly logger: Logger;
};

/** The connection was silent for too long. */
class WatchIdleError extends Error {
  override readonly name = 'WatchIdleError';
}

/** Result of a list or watch: the next action. */
type Outcome =
  | { readonly next: 'watch'; readonly version: string }
  | { readonly next: 'list' }
  /** Retry after a delay: the watch from `version`, or a list if there is none. */
  | { readonly next: 'retry'; readonly version?: string | undefined; readonly error: Error };

/** Resolves when `signal` aborts, and never rejects. */
export async function runReflector<T extends KubeObject>(
  options: ReflectorOptions<T>,
  signal: AbortSignal,
): Promise<void> {
  const { client, resource, sink, limits, now, random, setTimer, logger } = options;
  const scope = {
    namespace: options.namespace,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
  };
  let streaming = options.streamingList;
  /** Failures since the last progress. */
  let failures = 0;

  const progressed = (): void => {
    failures = 0;
    sink.contact();
  };

  /** Lists the objects into `sink`, and returns the resourceVersion of that list. */
  const list = async (): Promise<Outcome> => {
    const { items, resourceVersion } = await client.list<T>(resource, {
      ...scope,
      signal,
      transform: sink.take,
    });
    // A list alone is no progress: if the watch after it fails, the list must not be repeated at once.
    sink.contact();
    sink.replace(items);
    return { next: 'watch', version: resourceVersion };
  };

  /** Watches from the resourceVersion `from`. Without it, the watch begins with a snapshot of the current state. */
  const watch = async (from: string | undefined): Promise<Outcome> => {
    let version = from;
    let snapshot: Map<string, T> | undefined = from === undefined ? new Map() : undefined;
    let opened: number | undefined;
    let events = 0;
    const guard = guardIdleness({
      signal,
      setTimer,
      now,
      idleMs: () => (snapshot ? limits.streamingListIdleMs : limits.idleMs),
    });
    const apply = (event: Exclude<WatchEvent<T>, { type: 'ERROR' }>): void => {
      switch (event.type) {
        case 'ADDED':
        case 'MODIFIED':
        case 'DELETED': {
          if (snapshot) {
            const key = `${event.object.metadata.namespace ?? ''}/${event.object.metadata.name}`;
            if (event.type === 'DELETED') snapshot.delete(key);
            else snapshot.set(key, sink.take(event.object));
            return;
          }
          if (event.type === 'DELETED') sink.remove(event.object);
          else sink.upsert(event.object);
          version = event.object.metadata.resourceVersion;
          return;
        }
        case 'BOOKMARK':
          if (snapshot) {
            if (!event.initialEventsEnd) return;
            sink.replace([...snapshot.values()]);
            snapshot = undefined;
          }
          version = event.resourceVersion;
          return;
        default:
          event satisfies never;
      }
    };
    try {
      const stream = client.watch<T>(resource, {
        ...scope,
        resourceVersion: from,
        allowBookmarks: true,
        omitManagedFields: options.omitManagedFields,
        sendInitialEvents: from === undefined ? true : undefined,
        timeoutSeconds: Math.round(limits.watchSeconds * (1 + random())),
        signal: guard.signal,
        onOpen: () => {
          opened = now();
          sink.contact();
        },
      });
      for await (const event of stream) {
        guard.heard();
        if (event.type === 'ERROR') throw event.error;
        events += 1;
        apply(event);
        progressed();
      }
      const lastedMs = opened === undefined ? 0 : now() - opened;
      if (snapshot)
        return { next: 'retry', error: new Error('the watch ended before its initial events did') };
      if (events === 0 && lastedMs < 1000)
        return { next: 'retry', version, error: new Error('the server ended the watch at once') };
      failures = 0;
      return version === undefined ? { next: 'list' } : { next: 'watch', version };
    } catch (error) {
      if (snapshot && !signal.aborted && (isUnsupported(error) || error instanceof WatchIdleError)) {
        streaming = false;
        logger.debug('The server does not support streaming lists', {
          resource: resource.plural,
          reason: errorMessage(error),
        });
        return { next: 'list' };
      }
      // Silence may be normal. The next watch shows whether anything is wrong.
      if (error instanceof WatchIdleError && version !== undefined) {
        logger.debug('Reopening a silent watch', { resource: resource.plural, reason: error.message });
        return { next: 'watch', version };
      }
      return afterWatchError(error, snapshot ? undefined : version);
    } finally {
      guard.stop();
    }
  };

  let version: string | undefined;
  while (!signal.aborted) {
    let outcome: Outcome;
    try {
      outcome = version === undefined && !streaming ? await list() : await watch(version);
    } catch (error) {
      outcome = { next: 'retry', version, error: toError(error) };
    }
    if (signal.aborted) return;
    switch (outcome.next) {
      case 'watch':
        version = outcome.version;
        break;
      case 'list':
        version = undefined;
        // An expired resourceVersion is normal, so the first list follows at once. If resourceVersions keep expiring,
        // lists are delayed.
        if (failures > 0) await sleep(setTimer, backoffDelayMs(limits.backoff, failures - 1, random), signal);
        failures += 1;
        break;
      case 'retry': {
        version = outcome.version;
        sink.failed(outcome.error);
        const waitMs = retryDelayMs(outcome.error, failures, limits, random);
        failures += 1;
        logger.warn('Listing or watching a resource failed', {
          resource: resource.plural,
          group: resource.group,
          reason: outcome.error.message,
          failures,
          retryInMs: Math.round(waitMs),
        });
        await sleep(setTimer, waitMs, signal);
        break;
      }
      default:
        outcome satisfies never;
    }
  }
}

/** Decides whether the watch can resume from the resourceVersion after this error, or a list is needed. */
function afterWatchError(error: unknown, version: string | undefined): Outcome {
  if (isGone(error) || isResourceVersionTooLarge(error)) return { next: 'list' };
  // The server refuses this watch; a list shows whether that is temporary.
  const refused =
    error instanceof KubeApiError && error.status >= 400 && error.status < 500 && !isTooManyRequests(error);
  return { next: 'retry', version: refused ? undefined : version, error: toError(error) };
}

/** Whether the server does not support streaming lists: the feature gate is off, or the parameters are unknown. */
const isUnsupported = (error: unknown): boolean => isInvalid(error) || isBadRequest(error);

function retryDelayMs(error: Error, failures: number, limits: ReflectorLimits, random: Random): number {
  const { everyMs, times } = limits.notServed;
  if (isNotFound(error)) {
    if (failures < times) return everyMs * (0.5 + 0.5 * random());
    return backoffDelayMs(limits.backoff, failures - times, random);
  }
  const wanted = error instanceof KubeApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
  return Math.max(wanted, backoffDelayMs(limits.backoff, failures, random));
}

/** Aborts its signal when `heard` was not called for the given time, or when the outer signal aborts. */
function guardIdleness(options: {
  signal: AbortSignal;
  setTimer: SetTimer;
  now: () => Monotonic;
  idleMs: () => number;
}): { signal: AbortSignal; heard: () => void; stop: () => void } {
  const { setTimer, now } = options;
  const controller = new AbortController();
  const stopWithOuter = (): void => controller.abort(options.signal.reason);
  if (options.signal.aborted) stopWithOuter();
  options.signal.addEventListener('abort', stopWithOuter, { once: true });
  let last = now();
  let cancel: () => void;
  // One timer checks the last time, because a timer per event is too expensive for thousands of events per second.
  const check = (): void => {
    const silentMs = Math.max(0, now() - last);
    const leftMs = options.idleMs() - silentMs;
    if (leftMs <= 0)
      controller.abort(
        new WatchIdleError(`no response from the server for ${Math.round(silentMs / 1000)} s`),
      );
    else cancel = setTimer(check, leftMs);
  };
  cancel = setTimer(check, options.idleMs());
  return {
    signal: controller.signal,
    heard: () => {
      last = now();
    },
    stop: () => {
      cancel();
      options.signal.removeEventListener('abort', stopWithOuter);
    },
  };
}
