/**
 * Mirrors one resource into a sink, after client-go's `tools/cache/reflector.go`: list, watch from the list's version,
 * resume from the last version seen whenever the watch ends, list anew when that version is gone. It has no way to
 * stop but its signal.
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

/** The waiting times of a reflector. */
export type ReflectorLimits = {
  /** Between tries, doubled with each failure in a row. client-go: 0.8 s to 30 s. */
  readonly backoff: BackoffPolicy;
  /** A watch lasts between this and twice this, so that watches of many processes do not end together. client-go: 5 min. */
  readonly watchSeconds: number;
  /** The server sends a bookmark about every minute; a connection that is silent for longer than this is taken for dead. */
  readonly idleMs: number;
  /** Silence before the end of a streaming list, after which an ordinary list is made instead. */
  readonly streamingListIdleMs: number;
  /** A kind that is not served (yet): tried again at this pace, for as many times, before the backoff grows. */
  readonly notServed: { readonly everyMs: number; readonly times: number };
};

export const defaultReflectorLimits: ReflectorLimits = {
  backoff: { baseMs: 800, maxMs: 30_000 },
  watchSeconds: 300,
  idleMs: 150_000,
  streamingListIdleMs: 10_000,
  notServed: { everyMs: 250, times: 40 },
};

/** What becomes of what is seen. Implementations must not throw. */
export type ReflectorSink<T> = {
  /** What is to be kept of an object; called as it arrives, so that a whole collection is never held in full. */
  readonly take: (object: T) => T;
  /** The whole present state, of objects that were taken. */
  readonly replace: (taken: readonly T[]) => void;
  /** Of an object as it arrived. */
  readonly upsert: (object: T) => void;
  readonly remove: (object: T) => void;
  /** The server was heard of. */
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
  /** The watch need not bring them; `sink.take` drops those of a list. */
  readonly omitManagedFields?: boolean | undefined;
  /** Ask for the initial state in a watch. Falls back to a list where the server cannot. */
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

/** What to do after a list or watch came to its end. */
type Outcome =
  | { readonly next: 'watch'; readonly version: string }
  | { readonly next: 'list' }
  /** As before, after a pause. Without `version` that is a list. */
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
  /** Failures since the server last made progress with us. */
  let failures = 0;

  const progressed = (): void => {
    failures = 0;
    sink.contact();
  };

  /** Lists, so that `sink` has everything as of the version returned. */
  const list = async (): Promise<Outcome> => {
    const { items, resourceVersion } = await client.list<T>(resource, {
      ...scope,
      signal,
      transform: sink.take,
    });
    // Progress only once the watch works too: a list that is followed by a failing watch must not repeat at once.
    sink.contact();
    sink.replace(items);
    return { next: 'watch', version: resourceVersion };
  };

  /** Watches from `from`, or from a snapshot that the watch itself begins with. */
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
        logger.debug('The server has no streaming list', {
          resource: resource.plural,
          reason: errorMessage(error),
        });
        return { next: 'list' };
      }
      // Silence may also mean that there was nothing to say. What is wrong, if anything, shows when it is opened again.
      if (error instanceof WatchIdleError && version !== undefined) {
        logger.debug('A silent watch is opened again', { resource: resource.plural, reason: error.message });
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
        // A version that is gone is nothing unusual; only one that is gone again and again is worth a pause.
        if (failures > 0) await sleep(setTimer, backoffDelayMs(limits.backoff, failures - 1, random), signal);
        failures += 1;
        break;
      case 'retry': {
        version = outcome.version;
        sink.failed(outcome.error);
        const waitMs = retryDelayMs(outcome.error, failures, limits, random);
        failures += 1;
        logger.warn('Following a resource failed', {
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

/** Whether the version can be resumed from after this error, or what was seen has to be listed anew. */
function afterWatchError(error: unknown, version: string | undefined): Outcome {
  if (isGone(error) || isResourceVersionTooLarge(error)) return { next: 'list' };
  // A refusal that is about this watch, not about the state of the server: a list finds out what it is.
  const refused =
    error instanceof KubeApiError && error.status >= 400 && error.status < 500 && !isTooManyRequests(error);
  return { next: 'retry', version: refused ? undefined : version, error: toError(error) };
}

/** How servers without streaming lists answer them: the feature gate is off, or the parameters are not known. */
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

/** Aborts its signal after the time without `heard`, or with the outer one. */
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
  // One timer that looks back, rather than one per event: there can be thousands of events a second.
  const check = (): void => {
    const silentMs = Math.max(0, now() - last);
    const leftMs = options.idleMs() - silentMs;
    if (leftMs <= 0)
      controller.abort(
        new WatchIdleError(`nothing was heard of the server for ${Math.round(silentMs / 1000)} s`),
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
