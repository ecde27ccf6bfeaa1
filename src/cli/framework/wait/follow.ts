/**
 * Follows objects as they change, for commands that wait or watch: wraps the reflector of src/kube in generators.
 * Unlike an informer, a generator throws failures: every failure before the first successful list, and afterwards only
 * failures that are not transient. When the signal aborts, the generator throws the signal's reason. Otherwise, the
 * generator runs until its consumer stops.
 */
import { keyOf } from '../../../kube/object.ts';
import { defaultReflectorLimits, runReflector } from '../../../kube/reflector.ts';
import {
  KubeApiError,
  KubeConfigError,
  silentLogger,
  systemTimer,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '../../../kube/index.ts';
import type { CliContext } from '../context.ts';

export type SetChange<T> = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T };

/** Objects to follow, and the client for reading them. */
export type Following = {
  readonly clock: Pick<CliContext, 'monotonic' | 'random'>;
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly signal: AbortSignal;
  /** Namespace of the objects; undefined for all namespaces, or for a cluster-scoped kind. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
};

/** Retry limits. The back-off is shorter than that of the operator, because a user waits for the command. */
export const reflectorLimits = { ...defaultReflectorLimits, backoff: { baseMs: 500, maxMs: 5000 } };

/** Yields the current object, then the object after each change; undefined while the object does not exist. */
export async function* followObject<T extends KubeObject>(
  of: Following,
  name: string,
): AsyncGenerator<T | undefined> {
  for await (const [object] of followSet<T>({ ...of, fieldSelector: `metadata.name=${name}` })) yield object;
}

/** Yields all current objects of a selection, then all objects after each change. */
export async function* followSet<T extends KubeObject>(of: Following): AsyncGenerator<readonly T[]> {
  const known = new Map<string, T>();
  for await (const changes of followChanges<T>(of)) {
    for (const change of changes) remember(known, change);
    yield [...known.values()];
  }
}

/**
 * Yields all existing objects as one batch, even if there are none, and then each change. Changes during a broken
 * connection are yielded as one batch, which contains each object once.
 */
export async function* followChanges<T extends KubeObject>({
  clock,
  signal,
  ...of
}: Following): AsyncGenerator<readonly SetChange<T>[]> {
  const known = new Map<string, T>();
  const batches: (readonly SetChange<T>[])[] = [];
  const ending = new AbortController();
  let isListed = false;
  let failure: Error | undefined;
  let news = Promise.withResolvers<void>();
  const wake = (): void => news.resolve();
  const push = (changes: readonly SetChange<T>[]): void => {
    for (const change of changes) remember(known, change);
    if (changes.length > 0 || !isListed) batches.push(changes);
    isListed = true;
    wake();
  };
  const running = runReflector<T>(
    {
      ...of,
      now: clock.monotonic,
      random: clock.random,
      setTimer: systemTimer,
      logger: silentLogger,
      streamingList: false,
      limits: reflectorLimits,
      sink: {
        take: (object) => object,
        replace: (items) => push(changesSince(known, items)),
        upsert: (object) => push([{ type: known.has(keyOf(object)) ? 'MODIFIED' : 'ADDED', object }]),
        remove: (object) => push([{ type: 'DELETED', object }]),
        contact: () => undefined,
        failed: (error) => {
          if (isListed && !isFinal(error)) return;
          failure = error;
          wake();
        },
      },
    },
    AbortSignal.any([signal, ending.signal]),
  );
  signal.addEventListener('abort', wake, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      const batch = batches.shift();
      if (batch) yield batch;
      else if (failure) throw failure;
      else {
        await news.promise;
        news = Promise.withResolvers();
      }
    }
  } finally {
    signal.removeEventListener('abort', wake);
    ending.abort(new Error('the object is no longer followed'));
    await running;
  }
}

/** Whether an error after the first list is permanent, so that retries are useless. */
function isFinal(error: Error): boolean {
  if (error instanceof KubeApiError) return error.status < 500 && error.status !== 429;
  return error instanceof KubeConfigError;
}

/**
 * Returns the changes between two sets of objects. Compares objects by name and uid: an object that was deleted and
 * recreated yields two changes.
 */
export function changesSince<T extends KubeObject>(
  known: ReadonlyMap<string, T>,
  items: readonly T[],
): readonly SetChange<T>[] {
  const now = new Map(items.map((item) => [keyOf(item), item]));
  const gone = [...known.values()].filter(
    (object) => now.get(keyOf(object))?.metadata.uid !== object.metadata.uid,
  );
  const changed = items.flatMap((object): readonly SetChange<T>[] => {
    const before = known.get(keyOf(object));
    if (before?.metadata.uid !== object.metadata.uid) return [{ type: 'ADDED', object }];
    return before?.metadata.resourceVersion === object.metadata.resourceVersion
      ? []
      : [{ type: 'MODIFIED', object }];
  });
  return [...gone.map((object): SetChange<T> => ({ type: 'DELETED', object })), ...changed];
}

function remember<T extends KubeObject>(known: Map<string, T>, { type, object }: SetChange<T>): void {
  if (type === 'DELETED') known.delete(keyOf(object));
  else known.set(keyOf(object), object);
}
