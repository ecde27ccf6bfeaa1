/** HorizontalPodAutoscaler of an App on a target with a range of replicas. */
import type { App } from '../api/index.ts';
import type { JsonObject } from './manifest.ts';
import { isAutoscaled, type TargetSpec } from './target-spec.ts';

/** Default utilization of `kubectl autoscale`. */
const defaultTargetCPUUtilizationPercentage = 80;

/**
 * Renders the autoscaler. A halted target has no autoscaler, since it would only record Events that autoscaling is
 * disabled.
 */
export function renderAutoscaler(app: App, target: TargetSpec): JsonObject | undefined {
  const { scale, halted } = target;
  if (halted || !isAutoscaled(scale) || scale.max === undefined) return undefined;
  return {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: app.metadata.name },
    // A minimum of zero requires a feature gate of Kubernetes.
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
