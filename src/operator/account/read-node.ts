/** Reads the node of a pod, to determine whether EKS Auto Mode gives credentials to the pods on the node. */
import type { Step } from '../../identity/index.ts';
import { resources, type KubeClient } from '../../kube/index.ts';
import { agentNodeOf, type AgentNode } from '../../workloads/index.ts';
import { classifyKubeError } from '../kube-failures.ts';
import type { NodeCache } from '../observed-state/nodes.ts';

/** @throws IdentityError */
export async function readNode(
  { node: name }: Extract<Step, { readonly kind: 'ReadNode' }>,
  { client, nodes }: { readonly client: KubeClient; readonly nodes: NodeCache },
  signal: AbortSignal,
): Promise<void> {
  try {
    nodes.read(name, await getNode(name, client, signal));
  } catch (error) {
    throw classifyKubeError(error, `could not read the node "${name}"`);
  }
}

/** @throws KubeApiError */
export async function getNode(
  name: string,
  client: Pick<KubeClient, 'get'>,
  signal: AbortSignal,
): Promise<AgentNode> {
  return agentNodeOf(await client.get(resources.nodes, { name }, { signal }));
}
