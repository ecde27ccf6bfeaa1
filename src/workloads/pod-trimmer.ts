/**
 * Trims pods for a store that holds those of a whole cluster. Pods of one template say the same but for their names, so
 * what they have in common is kept once.
 */
import { trimPod, type Pod } from './pod.ts';

/** So many different ones are remembered; then it begins anew, and only shares less. */
const mostRemembered = 4_000;

export function createPodTrimmer(): (pod: Pod) => Pod {
  const remembered = new Map<string, object>();
  const shared = <T extends object>(value: T): T => {
    const text = JSON.stringify(value);
    const known = remembered.get(text);
    // The same text is the same value.
    if (known) return known as T;
    if (remembered.size >= mostRemembered) remembered.clear();
    remembered.set(text, value);
    return value;
  };
  return (pod) => {
    const { spec, status, ...trimmed } = trimPod(pod);
    return {
      ...trimmed,
      ...(spec ? { spec: shared(spec) } : {}),
      ...(status ? { status: shared(status) } : {}),
    };
  };
}
