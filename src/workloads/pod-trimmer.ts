/**
 * Trims pods for a store of all pods in a cluster. Pods of the same template differ in little more than their names, so
 * parts that are equal in several pods are stored only once.
 */
import { trimPod, type Pod } from './pod.ts';

/**
 * Maximum number of remembered parts. When the maximum is reached, all parts are forgotten. Pods that arrive later then
 * share fewer parts with older pods.
 */
const mostRemembered = 4_000;

export function createPodTrimmer(): (pod: Pod) => Pod {
  const remembered = new Map<string, object>();
  const shared = <T extends object>(value: T): T => {
    const text = JSON.stringify(value);
    const known = remembered.get(text);
    if (known) return known as T;
    if (remembered.size >= mostRemembered) remembered.clear();
    remembered.set(text, value);
    return value;
  };
  return (pod) => {
    const { spec: { nodeName, ...spec } = {}, status, ...trimmed } = trimPod(pod);
    return {
      ...trimmed,
      spec: nodeName === undefined ? shared(spec) : { ...shared(spec), nodeName },
      ...(status ? { status: shared(status) } : {}),
    };
  };
}
