/**
 * DaemonSet of the EKS Pod Identity agent, named and owned as the add-on's. kwok simulates its pod, and `kon sandbox exec` plays the
 * agent while this pod is ready.
 */
import { agentName, agentNamespace } from '../../../src/workloads/index.ts';

const labels = { 'app.kubernetes.io/name': agentName, 'app.kubernetes.io/instance': agentName };

export const podIdentityAgent = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { namespace: agentNamespace, name: agentName, labels },
  spec: {
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        hostNetwork: true,
        priorityClassName: 'system-node-critical',
        tolerations: [{ operator: 'Exists' }],
        containers: [{ name: agentName, image: agentName }],
      },
    },
  },
} as const;
