/** PodDisruptionBudget of an App on a target with more than one replica: node drains may evict a quarter of the pods at a time. */
import type { App } from '../api/index.ts';
import type { JsonObject } from './manifest.ts';
import { podSelector } from './pod-selector.ts';
import { maxReplicas, type TargetSpec } from './target-spec.ts';

export function renderDisruptionBudget(app: App, target: TargetSpec): JsonObject | undefined {
  if (target.halted || maxReplicas(target.scale) < 2) return undefined;
  return {
    // Kubernetes rounds the percentage up, so the value is at least one pod. A value of zero pods would block every drain.
    maxUnavailable: '25%',
    selector: { matchLabels: podSelector(app) },
    // A pod that is not ready must not block a drain.
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
  };
}
