/**
 * Mirrors the objects of one resource into a sink (the receiver of the objects), as `tools/cache/reflector.go` in
 * client-go does. The reflector lists the objects, and watches from the resourceVersion of the list. When a watch ends,
 * it resumes from the last resourceVersion, or lists again if that resourceVersion has expired. Only the signal stops a
 * reflector.
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
  /** Delay between tries to list or watch, doubled with each failure in a row. client-go: 0.8 s to 30 s. */
  readonly backoff: BackoffPolicy;
  /**
   * Minimum duration of a watch. The actual duration is random, up to twice as long, so that the watches of many
   * processes do not end together. client-go: 5 min.
   */
  readonly watchSeconds: number;
  /** A connection counts as broken if no data arrive for this time. The server sends a bookmark about every minute. */
  readonly idleMs: number;
  /** If no data arrive in a streaming list for this time, the reflector requests a normal list instead. */
  readonly streamingListIdleMs: number;
  /**
   * First retries for a kind that the server does not serve yet: their interval and their number. Only later retries
   * use the growing backoff.
   */
  readonly notServed: { readonly everyMs: number; readonly times: number };
};

export const defaultReflectorLimits: ReflectorLimits = {
  backoff: { baseMs: 800, maxMs: 30_000 },
  watchSeconds: 300,
  idleMs: 150_000,
  streamingListIdleMs: 10_000,
  notServed: { everyMs: 250, times: 40 },
};

/** Receiver of observed objects. The functions of a sink must not throw. */
export type ReflectorSink<T> = {
  /**
   * Reduces an object to the fields that the sink keeps. The reflector calls the function as soon as an object arrives,
   * so that unreduced objects do not accumulate in memory.
   */
  readonly take: (object: T) => T;
  /** Replaces all objects with the objects of a list. `take` has already reduced each listed object. */
  readonly replace: (taken: readonly T[]) => void;
  /** Adds or updates an object. The reflector has not reduced this object with `take`. */
  readonly upsert: (object: T) => void;
  readonly remove: (object: T) => void;
  /** Called for each response and for each watch event of the server. */
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
  /** Leaves out `metadata.managedFields` in watches. In lists, `sink.take` has to remove the field. */
  readonly omitManagedFields?: boolean | undefined;
  /**
   * Whether the reflector requests the initial state through a watch. It falls back to a list if the server does not
   * support streaming lists.
   */
  readonly streamingList: boolean;
  readonly limits: ReflectorLimits;
  /** Monotonic milliseconds. */
  readonly now: () => Monotonic;
  readonly random: Random;
  readonly setTimer: SetTimer;
  readonly logger: Logger;
};

/** No data arrived on the connection for too long. */
class WatchIdleError extends Error {
  override readonly name = 'WatchIdleError';
}

/** Next action after a list or a watch has ended. */
type Outcome =
  | { readonly next: 'watch'; readonly version: string }
  | { readonly next: 'list' }
  /** After a delay, watch again from `version`, or list again if `version` is undefined. */
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
  /** Number of failures since the last event or the last watch that ended normally. */
  let failures = 0;

  const progressed = (): void => {
    failures = 0;
    sink.contact();
  };

  /** Lists the objects into `sink`. The next action is a watch from the resourceVersion of the list. */
  const list = async (): Promise<Outcome> => {
    const { items, resourceVersion } = await client.list<T>(resource, {
      ...scope,
      signal,
      transform: sink.take,
    });
    // A successful list does not reset the failures: if the next watch fails, the list must not be repeated at once.
    sink.contact();
    sink.replace(items);
    return { next: 'watch', version: resourceVersion };
  };

  /**
   * Watches from the resourceVersion `from`. If `from` is undefined, the watch begins with a snapshot of the current
   * state.
   */
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
        return { next: 'retry', error: new Error('the watch ended before all initial events arrived') };
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
      // A watch without data is no failure by itself. If the connection is broken, the next watch fails.
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
        // An expired resourceVersion is normal, so the first list follows at once. If another resourceVersion expires
        // before any progress, the next list is delayed.
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

/** Decides whether the watch can resume from its last resourceVersion after this error, or a new list is needed. */
function afterWatchError(error: unknown, version: string | undefined): Outcome {
  if (isGone(error) || isResourceVersionTooLarge(error)) return { next: 'list' };
  // If the server refuses the watch, the next try is a list.
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

/** Returns a signal that aborts when `heard` was not called for the time `idleMs`, or when the outer signal aborts. */
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
  // One timer compares the time of the last event with the clock. A new timer per event would be too expensive for
  // thousands of events per second.
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
