/**
 * DaemonSet of the EKS Pod Identity agent, with the names and owners of the EKS add-on. kwok simulates the DaemonSet's
 * pod. While this pod is ready, `kon sandbox exec` does the agent's work.
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
