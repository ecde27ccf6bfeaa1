/**
 * Determines which nodes have a Pod Identity agent, which gives credentials to the pods of its node. Reads with the
 * user's own permissions.
 */
import { isNotFound, resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { getNode } from '../../operator/account/read-node.ts';
import {
  agentNamespace,
  agentNodeOf,
  agentOf,
  isAgent,
  isAgentName,
  usesAgent,
  type AgentLookup,
  type AgentNode,
  type AgentState,
  type Pod,
} from '../../workloads/index.ts';

/**
 * Looks up the agents on the nodes of the given pods, which can belong to any accounts. Reads the Node object only if
 * no agent pod runs on the node.
 */
export async function lookUpAgents(
  client: KubeClient,
  pods: readonly Pod[],
  signal: AbortSignal,
): Promise<AgentLookup> {
  const names = new Set(pods.filter(usesAgent).flatMap(({ spec }) => spec?.nodeName ?? []));
  const nodes = new Map<string, AgentNode>();
  const agents = names.size === 0 ? [] : await listAgents(client, signal);
  const lookup = lookupOf(agents, (name) => nodes.get(name));
  const unread = [...names].filter((name) => agentOf(name, lookup).state === 'unread');
  await Promise.all(
    unread.map(async (name) => {
      try {
        nodes.set(name, await getNode(name, client, signal));
      } catch (error) {
        // A deleted node needs no agent, because its pods end too.
        if (!isNotFound(error)) throw error;
      }
    }),
  );
  return lookup;
}

export type AgentsOfNodes = {
  /** All nodes except AWS Fargate nodes, sorted by name. */
  readonly nodes: readonly { readonly name: string; readonly agent: AgentState }[];
  readonly daemonSets: readonly string[];
};

/** Reads the agents on all nodes. Omits AWS Fargate nodes: they have no agent, and each exists for one pod only. */
export async function readAgents(client: KubeClient, signal: AbortSignal): Promise<AgentsOfNodes> {
  const [nodes, agents, daemonSets] = await Promise.all([
    client.list<KubeObject>(resources.nodes, { signal }),
    listAgents(client, signal),
    client.list<KubeObject>(resources.daemonSets, { namespace: agentNamespace, signal }),
  ]);
  const found = new Map(nodes.items.map((node) => [node.metadata.name, agentNodeOf(node)]));
  const lookup = lookupOf(agents, (name) => found.get(name));
  return {
    nodes: [...found]
      .flatMap(([name, { computeType }]) => (computeType === 'fargate' ? [] : name))
      .sort()
      .map((name) => ({ name, agent: agentOf(name, lookup) })),
    daemonSets: daemonSets.items.map(({ metadata }) => metadata.name).filter(isAgentName),
  };
}

/**
 * Whether new pods can get credentials by Pod Identity. This is the case if some node has an agent, or if the DaemonSet
 * or EKS Auto Mode will add an agent to new nodes.
 */
export function hasAgent(
  { nodes, daemonSets }: AgentsOfNodes,
  { autoMode }: { readonly autoMode: boolean },
): boolean {
  return (
    autoMode ||
    nodes.some(({ agent }) => agent.state !== 'missing') ||
    (nodes.length === 0 && daemonSets.length > 0)
  );
}

/**
 * Describes the nodes without an agent in one phrase, for example `2 of 3 nodes: a, b`; undefined if there are none.
 */
export function nodesWithoutAgent({ nodes }: AgentsOfNodes): string | undefined {
  const without = nodes.filter(({ agent }) => agent.state === 'missing').map(({ name }) => name);
  if (without.length === 0) return undefined;
  const named = without.slice(0, mostNamed).join(', ');
  const others = without.length > mostNamed ? ` and ${without.length - mostNamed} more` : '';
  return `${without.length} of ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}: ${named}${others}`;
}

const mostNamed = 10;

async function listAgents(client: KubeClient, signal: AbortSignal): Promise<readonly Pod[]> {
  const { items } = await client.list<Pod & KubeObject>(resources.pods, {
    namespace: agentNamespace,
    signal,
  });
  return items.filter(isAgent);
}

function lookupOf(agents: readonly Pod[], nodeOf: AgentLookup['nodeOf']): AgentLookup {
  const byNode = Map.groupBy(agents, ({ spec }) => spec?.nodeName);
  return { agentsOn: (node) => byNode.get(node) ?? [], nodeOf };
}
