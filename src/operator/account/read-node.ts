/** Reads the node of a pod, to determine whether EKS Auto Mode gives credentials to the pods on the node. */
import type { Step } from '../../identity/index.ts';
import { resources, type KubeClient } from '../../kube/index.ts';
import { agentNodeOf, type AgentNode } from '../../workloads/index.ts';
import { classified } from '../kube-failures.ts';
import type { StepTools } from './step-tools.ts';

/** @throws IdentityError */
export async function readNode(
  { node: name }: Extract<Step, { readonly kind: 'ReadNode' }>,
  { client, nodes }: Pick<StepTools, 'client' | 'nodes'>,
  signal: AbortSignal,
): Promise<void> {
  const node = await classified(`could not read the node "${name}"`, () => getNode(name, client, signal));
  nodes.read(name, node);
}

/** @throws KubeApiError */
export async function getNode(
  name: string,
  client: Pick<KubeClient, 'get'>,
  signal: AbortSignal,
): Promise<AgentNode> {
  return agentNodeOf(await client.get(resources.nodes, { name }, { signal }));
}
