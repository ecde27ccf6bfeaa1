/** Determines whether a pod gets credentials from the Pod Identity agent on its node. */
import { isNotFound, type KubeClient, type KubeObject, resources } from '../../../src/kube/index.ts';
import {
  agentFor,
  agentNamespace,
  agentNodeOf,
  isAgent,
  type AgentNode,
  type Pod,
} from '../../../src/workloads/index.ts';

export async function isServed(pod: Pod, client: KubeClient, signal: AbortSignal): Promise<boolean> {
  const node = pod.spec?.nodeName;
  if (node === undefined) return false;
  const [agents, found] = await Promise.all([
    client.list<Pod & KubeObject>(resources.pods, {
      namespace: agentNamespace,
      fieldSelector: `spec.nodeName=${node}`,
      signal,
    }),
    readNode(node, client, signal),
  ]);
  const lookup = { agentsOn: () => agents.items.filter(isAgent), nodeOf: () => found };
  return agentFor(pod, lookup).state === 'serves';
}

async function readNode(name: string, client: KubeClient, signal: AbortSignal): Promise<AgentNode> {
  try {
    return agentNodeOf(await client.get(resources.nodes, { name }, { signal }));
  } catch (error) {
    if (isNotFound(error)) return {};
    throw error;
  }
}
