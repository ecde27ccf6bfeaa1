/** Pod Identity agent of the simulated node, and the agent's state as oracles see it. */
import { resources, type KubeObject } from '../../src/kube/index.ts';
import type { Act } from './acts.ts';
import type { SimulatedApiServer } from './api-server/simulated-api-server.ts';
import type { StoredObject } from './api-server/stored-object.ts';

/** Node of all pods that Deployments create. */
export const nodeName = 'simulated';

const daemonSet = { namespace: 'kube-system', name: 'eks-pod-identity-agent' };
const agent = { namespace: 'kube-system', name: 'eks-pod-identity-agent-1' };
const computeType = 'eks.amazonaws.com/compute-type';

/** Creates the node, and the DaemonSet of the agent with its pod. No controller recreates the agent's pod. */
export async function startNode({ client }: SimulatedApiServer): Promise<void> {
  await client.create(resources.namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: agent.namespace },
  });
  await client.create(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName } });
  await client.create(resources.daemonSets, {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: daemonSet,
  });
  await createAgent(client);
}

async function createAgent(client: SimulatedApiServer['client']): Promise<void> {
  const { apiVersion, kind, metadata } = await client.get(resources.daemonSets, daemonSet);
  const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true };
  await client.create(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...agent, ownerReferences: [owner] },
    spec: { nodeName, containers: [{ name: daemonSet.name }] },
  } as KubeObject);
}

export const addAgent: Act = ({ server }) => createAgent(server.client);

export const removeAgent: Act = async ({ server }) => {
  await server.client.delete(resources.pods, agent);
};

/** Turns the node into an EKS Auto Mode node, before any pod runs there. */
export const useAutoMode: Act = async (simulation) => {
  const labels = { [computeType]: 'auto' };
  const patch = { metadata: { labels } };
  await simulation.server.client.patch(resources.nodes, { name: nodeName }, patch, {
    type: 'merge',
    fieldManager: 'eks',
  });
  await removeAgent(simulation);
};

/** Whether a pod can get credentials from an agent on its node. */
export function hasAgent(server: SimulatedApiServer, { spec }: StoredObject): boolean {
  const { nodeName: node, schedulerName } = spec as { nodeName?: string; schedulerName?: string };
  if (schedulerName === 'fargate-scheduler' || node === undefined) return false;
  if (server.get(resources.nodes, node)?.metadata.labels?.[computeType] === 'auto') return true;
  return server
    .list(resources.pods, agent.namespace)
    .some(
      (pod) =>
        (pod.spec as { nodeName?: string }).nodeName === node && pod.metadata.deletionTimestamp === undefined,
    );
}
