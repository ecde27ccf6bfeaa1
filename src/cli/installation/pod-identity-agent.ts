/** The agent on the nodes from which pods with EKS Pod Identity get their credentials. Source: EKS User Guide, "Set up the Amazon EKS Pod Identity Agent". */
import type { KubeObject } from '../../kube/index.ts';

/** The agent's DaemonSet: of the EKS add-on, whose name begins so on nodes of each kind. */
export function isPodIdentityAgent({ metadata }: KubeObject): boolean {
  return metadata.name.startsWith('eks-pod-identity-agent');
}

export const addAgentCommand = (cluster: string): string =>
  `aws eks create-addon --addon-name eks-pod-identity-agent --cluster-name ${cluster}`;
