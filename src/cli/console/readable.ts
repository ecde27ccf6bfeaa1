/** Informers for one user of the console. A kind that the user is not permitted to read is hidden and reported as failed. */
import { isForbidden } from '../../kube/errors.ts';
import type { Informer, KubeObject } from '../../kube/index.ts';
import { explain } from '../framework/explain.ts';
import type { SourceState } from './wire.ts';

export type Readable<T extends KubeObject> = Informer<T> & { isHidden(): boolean };

/** Hides cached objects while the user is not permitted to read them, because RBAC may have changed since the last list. */
export function whileReadable<T extends KubeObject>(informer: Informer<T>): Readable<T> {
  const { store } = informer;
  const isHidden = (): boolean => isForbidden(informer.lastError());
  return {
    ...informer,
    isHidden,
    store: {
      get: (key) => (isHidden() ? undefined : store.get(key)),
      list: () => (isHidden() ? [] : store.list()),
      keys: () => (isHidden() ? [] : store.keys()),
      byIndex: (index, value) => (isHidden() ? [] : store.byIndex(index, value)),
      get size() {
        return isHidden() ? 0 : store.size;
      },
    },
  };
}

export function stateOf(informer: Pick<Informer<KubeObject>, 'hasSynced' | 'lastError'>): SourceState {
  const error = informer.lastError();
  if (!error) return { state: informer.hasSynced() ? 'live' : 'loading' };
  const { code, message, details, next } = explain(error);
  return { state: 'failed', code, message, details, next };
}
