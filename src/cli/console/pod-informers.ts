/**
 * Pods of the cluster, or, if the user is not permitted to list the pods of all namespaces, the pods of each target.
 */
import { isForbidden } from '../../kube/errors.ts';
import type { Informer } from '../../kube/index.ts';
import type { AppPod } from '../cluster/app-objects.ts';
import { stateOf } from './readable.ts';
import type { SourceState } from './wire.ts';

/** Maximum number of namespaces to watch one by one. */
const mostNamespaces = 50;

export function podInformers(
  start: (namespace: string | undefined, signal: AbortSignal) => Informer<AppPod>,
  signal: AbortSignal,
) {
  const listeners: ((key: string) => void)[] = [];
  let isClusterWide = true;
  /** Targets that have an informer of their own, because the cluster-wide list was denied. */
  const ofTarget = new Set<string>();
  let tooMany = 0;
  const clusterWide = new AbortController();
  const follow = (namespace: string | undefined, until: AbortSignal): Informer<AppPod> => {
    const informer = start(namespace, until);
    informer.onChange(({ key }) => listeners.forEach((listener) => listener(key)));
    return informer;
  };
  let running = [follow(undefined, AbortSignal.any([signal, clusterWide.signal]))];
  return {
    /** If the cluster-wide list was denied, watches the pods of each target instead. */
    fallBack(targets: readonly string[]): void {
      if (isClusterWide) {
        if (targets.length === 0 || !isForbidden(running[0]?.lastError())) return;
        isClusterWide = false;
        clusterWide.abort();
        running = [];
      }
      for (const target of targets) {
        if (ofTarget.has(target) || ofTarget.size >= mostNamespaces) continue;
        ofTarget.add(target);
        running.push(follow(target, signal));
      }
      tooMany = targets.filter((target) => !ofTarget.has(target)).length;
    },
    get: (key: string): AppPod | undefined =>
      running.map(({ store }) => store.get(key)).find((pod) => pod !== undefined),
    keys: (): readonly string[] => running.flatMap(({ store }) => store.keys()),
    byServiceAccount: (name: string): readonly AppPod[] =>
      running.flatMap(({ store }) => store.byIndex('serviceAccount', name)),
    /** @param canFallBack true if there are targets to list one by one, or if the targets are still loading */
    state(canFallBack: boolean): SourceState {
      // The list of each target replaces the cluster-wide list that was denied.
      if (isClusterWide && canFallBack && isForbidden(running[0]?.lastError())) return { state: 'loading' };
      const states = running.map(stateOf);
      const failed = states.find((each) => each.state === 'failed');
      if (failed) return failed;
      if (tooMany > 0)
        return {
          state: 'failed',
          code: 'FORBIDDEN',
          details: [],
          message: `you are not permitted to list pods in all namespaces, and ${tooMany} targets are too many to list one by one`,
          next: ['Ask for the permission to list pods in all namespaces.'],
        };
      return { state: states.some((each) => each.state === 'loading') ? 'loading' : 'live' };
    },
    onChange: (listener: (key: string) => void): void => void listeners.push(listener),
  };
}
