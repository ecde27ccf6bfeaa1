/** Keeps a local copy of one resource in step with the API server, and tells which keys changed. */
import type { KubeObject } from './object.ts';
import type { Resource } from './resource.ts';
import type { Store } from './store.ts';

/** `old` absent: new to us; `new` absent: gone. With both, `metadata.uid` tells a change from a re-creation. */
export type Change<T> = { readonly key: string; readonly old?: T; readonly new?: T };

export type Informer<T extends KubeObject> = {
  readonly resource: Resource;
  readonly store: Store<T>;
  /** Runs until `signal` aborts, then resolves. It survives every failure of the server and never rejects. */
  start(signal: AbortSignal): Promise<void>;
  /** Resolves when the store has once been complete; rejects when the informer is stopped before. */
  readonly synced: Promise<void>;
  hasSynced(): boolean;
  /** When the server was last heard of (a list, an event, a bookmark), in the time of `now`; absent before. */
  lastContact(): number | undefined;
  /** What stands in the way at present, for `/readyz`; absent while all is well. */
  lastError(): Error | undefined;
  /** Called after the store has changed, in order. Returns how to stop being called. */
  onChange(listener: (change: Change<T>) => void): () => void;
};
