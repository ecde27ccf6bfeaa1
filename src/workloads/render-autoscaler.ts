/** The HorizontalPodAutoscaler of an App on a target, when the number of replicas may vary. */
import type { App } from '../api/index.ts';
import type { JsonObject } from './manifest.ts';
import { isAutoscaled, type TargetSpec } from './target-spec.ts';

/** The utilization which `kubectl autoscale` takes when none is given. */
const defaultTargetCPUUtilizationPercentage = 80;

/** None while halted either: it would have nothing to do, and would say so in Events. */
export function renderAutoscaler(app: App, target: TargetSpec): JsonObject | undefined {
  const { scale, halted } = target;
  if (halted || !isAutoscaled(scale) || scale.max === undefined) return undefined;
  return {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: app.metadata.name },
    // Kubernetes scales to zero only behind a feature gate.
    minReplicas: Math.max(1, scale.min),
    maxReplicas: scale.max,
    metrics: [
      {
        type: 'Resource',
        resource: {
          name: 'cpu',
          target: {
            type: 'Utilization',
            averageUtilization: scale.targetCPUUtilizationPercentage ?? defaultTargetCPUUtilizationPercentage,
          },
        },
      },
    ],
  };
}
