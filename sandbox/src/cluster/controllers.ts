/** kube-controller-manager and kube-scheduler, the parts that make Deployments into pods and give pods a node. */
import type { ControlPlane } from './control-plane.ts';

export type Program = { readonly command: string; readonly args: readonly string[] };

/**
 * The defaults spare a large cluster's API server. Here they would only be felt: 35 controllers fetch their credentials
 * at the start, at 20 requests a second.
 */
const hurried = ['--kube-api-qps=500', '--kube-api-burst=1000'];

/**
 * Each controller acts as its own ServiceAccount, as everywhere else, so that audit logs and RBAC tell them apart.
 * Nothing is served: what the two do is visible in the API, and one port less is one less to find free.
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
