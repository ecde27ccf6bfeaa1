/**
 * Recorder of `events.k8s.io/v1` Events, modelled on client-go's `tools/events`. Repetitions of an Event are counted in
 * the Event's series. Recording is best effort: it never throws, and never waits for the server.
 */
import { createHash } from 'node:crypto';
import { defined } from '../k8s/defined.ts';
import { isAlreadyExists, isNotFound, KubeApiError, KubeUnreachableError } from './errors.ts';
import type { KubeClient } from './kube-client.ts';
import { silentLogger, type Logger } from './logger.ts';
import type { KubeObject } from './object.ts';
import { events as eventsResource } from './resources.ts';
import { sleep, systemTimer, type SetTimer } from './timing.ts';
import { type Monotonic, type Wall, formatMicroTime } from '../k8s/time.ts';

export type EventInput = {
  readonly type: 'Normal' | 'Warning';
  /** Machine-readable reason in PascalCase. */
  readonly reason: string;
  /** Human-readable sentence. The recorder truncates the note to 1,024 bytes, the limit of the API. */
  readonly note: string;
  /** Action that succeeded or failed. Default: `Reconcile`. */
  readonly action?: string | undefined;
};

export type EventRecorder = {
  event(regarding: KubeObject, event: EventInput): void;
  /**
   * Writes all pending Events, and drops the Events that are not written when the timeout expires. Call this function
   * before the client is closed at the end of the process.
   */
  flush(options?: { readonly timeoutMs?: number }): Promise<void>;
};

export type EventRecorderOptions = {
  readonly client: Pick<KubeClient, 'create' | 'patch'>;
  /** Name of the controller in the form `example.com/name`. */
  readonly controller: string;
  readonly instance: string;
  /** Clock for the times in Events. */
  readonly now: () => Wall;
  /** Clock for delays and the end of a series. */
  readonly monotonic: () => Monotonic;
  readonly setTimer?: SetTimer | undefined;
  readonly logger?: Logger | undefined;
  /**
   * Whether other work is pending. While the function returns true, Events of type Normal are delayed, but by at most
   * half a minute.
   */
  readonly busy?: (() => boolean) | undefined;
};

type EventObject = KubeObject & Record<string, unknown>;

type Series = {
  readonly namespace: string;
  readonly body: Pick<EventInput, 'type' | 'reason'> & {
    readonly regarding: { readonly name: string; readonly [field: string]: unknown };
    readonly [field: string]: unknown;
  };
  /** Name of the Event; undefined until the Event is written. */
  name: string | undefined;
  count: number;
  /** Wall-clock time when the Event was last repeated. `repeatedAt` is the same instant on the monotonic clock. */
  lastAt: Wall;
  repeatedAt: Monotonic;
  /** Time when the series entered the backlog. */
  queuedAt: Monotonic;
  writtenCount: number;
  /** `writeHeld`: the next write is delayed by the minimum interval. `queued`: the series is in the backlog. */
  writeHeld: boolean;
  queued: boolean;
};

/** Minimum time between two writes of a series. */
const seriesIntervalMs = 60_000;
/**
 * Time without a repetition after which a series ends. A later repetition starts a new Event. client-go: `finishTime`.
 */
const seriesEndMs = 6 * 60_000;
/** Maximum length of the backlog. If the server is so slow that the backlog is full, further Events are dropped. */
const longestBacklog = 5_000;
/**
 * `mostMs`: maximum delay of Events of type Normal while other work is pending. `everyMs`: interval at which the
 * recorder checks for other work.
 */
const normalDelay = { mostMs: 30_000, everyMs: 250 };
const retryDelaysMs = [500, 2_000, 5_000];
const longestNoteBytes = 1024;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, now, monotonic } = options;
  const setTimer = options.setTimer ?? systemTimer;
  const logger = options.logger ?? silentLogger;
  const known = new Map<string, Series>();
  const held = new Map<Series, () => void>();
  /**
   * Pending series by type, each list in the order of writing. Warnings are written first. A series stays first in its
   * list while it is being written.
   */
  const backlog: Readonly<Record<EventInput['type'], Series[]>> = { Warning: [], Normal: [] };
  const waiting = (): number => backlog.Warning.length + backlog.Normal.length;
  let sender: Promise<void> | undefined;
  /** Number of flushes in progress. During a flush, Events are not delayed. */
  let flushes = 0;
  /** Wakes the sender from its current wait. */
  let wake = (): void => undefined;
  let giveUp = new AbortController();
  let names = 0;
  let cleanedUpAt = -Infinity;

  const nameFor = (object: string, at: Wall): string => {
    names += 1;
    // The name contains the object's name and the time, as in client-go. A counter follows, because several Events can
    // occur in one millisecond.
    return `${object.slice(0, 220)}.${Math.floor(at).toString(16)}${(names % 0x10000).toString(16).padStart(4, '0')}`;
  };

  const write = async (series: Series, signal: AbortSignal): Promise<void> => {
    const { namespace, count, lastAt } = series;
    const repeated = count > 1 ? { series: { count, lastObservedTime: formatMicroTime(lastAt) } } : {};
    if (series.name !== undefined) {
      try {
        await client.patch(eventsResource, { namespace, name: series.name }, repeated, {
          type: 'merge',
          signal,
        });
        series.writtenCount = count;
        return;
      } catch (error) {
        // The server deletes Events after an hour. A series that lasts longer continues in a new Event.
        if (!isNotFound(error)) throw error;
        series.name = undefined;
      }
    }
    const name = nameFor(series.body.regarding.name, lastAt);
    const event: EventObject = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name, namespace },
      ...series.body,
      ...repeated,
    };
    await client.create(eventsResource, event, { signal });
    series.name = name;
    series.writtenCount = count;
  };

  /** Next series to write. Events of type Warning come first. */
  const next = (): Series | undefined => backlog.Warning[0] ?? backlog.Normal[0];

  const isDelayed = ({ body, queuedAt }: Series): boolean => {
    const canWait = body.type === 'Normal' && monotonic() - queuedAt < normalDelay.mostMs;
    return canWait && flushes === 0 && options.busy?.() === true;
  };

  const send = async (): Promise<void> => {
    const { signal } = giveUp;
    for (let series = next(); series && !signal.aborted; series = next()) {
      if (isDelayed(series)) {
        const over = new AbortController();
        wake = () => over.abort();
        await sleep(setTimer, normalDelay.everyMs, over.signal);
        continue;
      }
      for (let tries = 0; series.writtenCount < series.count; tries += 1) {
        try {
          await write(series, signal);
        } catch (error) {
          const delayMs = retryDelaysMs[tries];
          if (signal.aborted || delayMs === undefined || !isTransient(error)) {
            logger.debug('An Event was not written', { reason: series.body.reason, error });
            series.writtenCount = series.count;
            break;
          }
          await sleep(setTimer, delayMs, signal);
        }
      }
      backlog[series.body.type].shift();
      series.queued = false;
    }
  };

  const startSender = (): void => {
    sender ??= send().finally(() => {
      sender = undefined;
      if (waiting() > 0 && !giveUp.signal.aborted) startSender();
    });
  };

  const enqueue = (series: Series): void => {
    series.writeHeld = false;
    if (series.queued) return;
    if (waiting() >= longestBacklog) {
      logger.warn('An Event was dropped because the backlog is full', { reason: series.body.reason });
      return;
    }
    series.queued = true;
    series.queuedAt = monotonic();
    backlog[series.body.type].push(series);
    if (series.body.type === 'Warning') wake();
    startSender();
  };

  /** Forgets series that have ended. The function runs at most once per interval, because it visits every series. */
  const forgetEnded = (): void => {
    if (monotonic() - cleanedUpAt < seriesIntervalMs) return;
    cleanedUpAt = monotonic();
    for (const [key, series] of known)
      if (cleanedUpAt - series.repeatedAt > seriesEndMs && !series.writeHeld && !series.queued)
        known.delete(key);
  };

  return {
    event(regarding, input) {
      const at = now();
      const { apiVersion, kind, metadata } = regarding;
      const { namespace, name, uid, resourceVersion } = metadata;
      const note = cut(input.note);
      const action = input.action ?? 'Reconcile';
      const key = createHash('sha256')
        .update(JSON.stringify([kind, namespace, name, uid, input.type, input.reason, action, note]))
        .digest('base64');
      const old = known.get(key);
      if (old && monotonic() - old.repeatedAt <= seriesEndMs) {
        old.count += 1;
        old.lastAt = at;
        old.repeatedAt = monotonic();
        if (old.writeHeld) return;
        old.writeHeld = true;
        held.set(
          old,
          setTimer(() => {
            held.delete(old);
            enqueue(old);
          }, seriesIntervalMs),
        );
        return;
      }
      forgetEnded();
      const series: Series = {
        // The API requires the namespace `default` for Events of cluster-scoped objects.
        namespace: namespace ?? 'default',
        name: undefined,
        count: 1,
        lastAt: at,
        repeatedAt: monotonic(),
        queuedAt: monotonic(),
        writtenCount: 0,
        writeHeld: false,
        queued: false,
        body: {
          eventTime: formatMicroTime(at),
          reportingController: options.controller,
          reportingInstance: options.instance,
          action,
          reason: input.reason,
          note,
          type: input.type,
          regarding: {
            apiVersion,
            kind,
            name,
            ...defined({ namespace, uid, resourceVersion }),
          },
        },
      };
      known.set(key, series);
      enqueue(series);
    },

    async flush({ timeoutMs = 5_000 } = {}) {
      for (const [series, cancel] of held) {
        cancel();
        enqueue(series);
      }
      held.clear();
      const current = giveUp;
      const cancel = setTimer(
        () => current.abort(new Error('the flush timeout for Events expired')),
        timeoutMs,
      );
      flushes += 1;
      wake();
      for (let sending = sender; sending && !current.signal.aborted; sending = sender) await sending;
      flushes -= 1;
      cancel();
      if (!current.signal.aborted) return;
      for (const queue of Object.values(backlog)) for (const series of queue.splice(0)) series.queued = false;
      giveUp = new AbortController();
    },
  };
}

/** Whether a retry may succeed. If another Event already has the name, the retry uses a new name. */
const isTransient = (error: unknown): boolean =>
  isAlreadyExists(error) ||
  error instanceof KubeUnreachableError ||
  (error instanceof KubeApiError && (error.status === 429 || error.status >= 500));

/** Truncates a text to the byte limit of the API, at a character boundary. */
function cut(note: string): string {
  if (Buffer.byteLength(note) <= longestNoteBytes) return note;
  const ellipsis = '…';
  const room = longestNoteBytes - Buffer.byteLength(ellipsis);
  // A character that was cut in half decodes to U+FFFD, which is removed.
  return (
    Buffer.from(note)
      .subarray(0, room)
      .toString('utf8')
      .replace(/\uFFFD+$/, '') + ellipsis
  );
}
