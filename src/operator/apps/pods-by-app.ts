/** Finds the pods of an App without looking at all pods of the cluster. */
import { appLabel } from '../../api/index.ts';
import type { Change, Informer } from '../../kube/index.ts';
import type { Pod } from '../../workloads/index.ts';

export type PodsByApp = (app: string) => readonly Pod[];

export function createPodsByApp(informer: Informer<Pod>): PodsByApp {
  const keys = new Map<string, Set<string>>();
  const note = ({ key, old, new: present }: Change<Pod>): void => {
    const before = old?.metadata.labels?.[appLabel];
    const after = present?.metadata.labels?.[appLabel];
    if (before !== undefined && before !== after) {
      keys.get(before)?.delete(key);
      if (keys.get(before)?.size === 0) keys.delete(before);
    }
    if (after !== undefined) keys.set(after, (keys.get(after) ?? new Set()).add(key));
  };
  for (const key of informer.store.keys()) {
    const pod = informer.store.get(key);
    if (pod) note({ key, new: pod });
  }
  informer.onChange(note);
  return (app) => [...(keys.get(app) ?? [])].flatMap((key) => informer.store.get(key) ?? []);
}
