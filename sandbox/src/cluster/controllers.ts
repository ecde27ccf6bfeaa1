/**
 * kube-controller-manager and kube-scheduler, which create pods for Deployments and assign them to a node. Neither
 * program listens on a port.
 */
import type { ControlPlane } from './control-plane.ts';

export type Program = { readonly command: string; readonly args: readonly string[] };

/**
 * Raises the rate limits, whose defaults protect the API server of a large cluster. With the default of 20 requests per
 * second, the 35 controllers would need seconds to fetch their credentials at the start.
 */
const hurried = ['--kube-api-qps=500', '--kube-api-burst=1000'];

/**
 * Returns the controller manager's command. Each controller uses its own ServiceAccount, so that audit logs and RBAC
 * distinguish the controllers.
 */
export function controllerManager(command: string, kubeconfig: string, plane: ControlPlane): Program {
  return {
    command,
    args: [
      `--kubeconfig=${kubeconfig}`,
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${plane.signingKeyFile}`,
      `--root-ca-file=${plane.caFile}`,
      '--leader-elect=false',
      '--secure-port=0',
      ...hurried,
      '--v=1',
    ],
  };
}

export function scheduler(command: string, kubeconfig: string): Program {
  return {
    command,
    args: [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0', ...hurried, '--v=1'],
  };
}
