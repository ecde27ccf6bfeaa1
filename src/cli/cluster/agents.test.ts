import { expect, it } from 'vitest';
import {
  KubeApiError,
  resources,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '../../kube/index.ts';
import { agentFor, type Pod } from '../../workloads/index.ts';
import { hasAgent, lookUpAgents, nodesWithoutAgent, readAgents } from './agents.ts';

const { signal } = new AbortController();
const node = (name: string, computeType?: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name,
    labels: computeType === undefined ? {} : { 'eks.amazonaws.com/compute-type': computeType },
  },
});
const podOn = (nodeName: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'production', name: `app-on-${nodeName}` },
  spec: {
    nodeName,
    containers: [{ name: 'app', env: [{ name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: 'x' }] }],
  },
});
const agentOn = (nodeName: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    namespace: 'kube-system',
    name: `agent-on-${nodeName}`,
    ownerReferences: [
      {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        name: 'eks-pod-identity-agent',
        uid: '1',
        controller: true,
      },
    ],
  },
  spec: { nodeName },
  status: { phase: 'Running' },
});

/**
 * Returns a client, and the list of requests that the client has sent. The client's cluster contains the given objects.
 */
function clientOf(of: {
  readonly nodes?: readonly KubeObject[];
  readonly agents?: readonly Pod[];
  readonly daemonSets?: readonly string[];
}): { readonly client: KubeClient; readonly requests: string[] } {
  const requests: string[] = [];
  const daemonSets = (of.daemonSets ?? []).map((name) => ({ metadata: { namespace: 'kube-system', name } }));
  const list = async ({ plural }: Resource): Promise<unknown> => {
    requests.push(`list ${plural}`);
    const items =
      plural === resources.nodes.plural
        ? of.nodes
        : plural === resources.pods.plural
          ? of.agents
          : daemonSets;
    return { items: items ?? [], resourceVersion: '' };
  };
  const get = async ({ plural }: Resource, { name }: { readonly name: string }): Promise<unknown> => {
    requests.push(`get ${plural} ${name}`);
    const found = of.nodes?.find(({ metadata }) => metadata.name === name);
    if (!found) throw new KubeApiError({ code: 404, reason: 'NotFound', message: `${name} not found` });
    return found;
  };
  return { client: { list, get } as unknown as KubeClient, requests };
}

it('lookUpAgents reads a node only if a pod on the node uses EKS Pod Identity and no agent pod runs on the node', async () => {
  const nodes = [node('served'), node('auto', 'auto'), node('bare'), node('other')];
  const { client, requests } = clientOf({ nodes, agents: [agentOn('served')] });
  const pods = ['served', 'auto', 'bare', 'bare', 'deleted'].map(podOn);
  const plain: Pod = { ...podOn('other'), spec: { nodeName: 'other', containers: [{ name: 'app' }] } };
  const lookup = await lookUpAgents(client, [...pods, plain], signal);
  expect(requests.toSorted()).toEqual(['get nodes auto', 'get nodes bare', 'get nodes deleted', 'list pods']);
  const states = ['served', 'auto', 'bare', 'deleted'].map((name) => agentFor(podOn(name), lookup).state);
  expect(states).toEqual(['serves', 'serves', 'missing', 'unread']);
});

it('lookUpAgents sends no request if no pod uses EKS Pod Identity', async () => {
  const { client, requests } = clientOf({});
  await lookUpAgents(client, [{ ...podOn('a'), spec: { nodeName: 'a' } }], signal);
  expect(requests).toEqual([]);
});

it('nodesWithoutAgent names at most ten nodes, and omits Fargate nodes', async () => {
  const named = async (
    names: readonly KubeObject[],
    agents: readonly Pod[] = [],
  ): Promise<string | undefined> =>
    nodesWithoutAgent(await readAgents(clientOf({ nodes: names, agents }).client, signal));
  expect(await named([node('b'), node('a'), node('c')], [agentOn('c')])).toBe('2 of 3 nodes: a, b');
  expect(await named([node('a', 'auto'), node('b', 'fargate')])).toBeUndefined();
  expect(await named(Array.from({ length: 12 }, (_, index) => node(`n${10 + index}`)))).toMatch(
    /^12 of 12 nodes: n10, .*, n19 and 2 more$/,
  );
});

it.each([
  ['no node and no DaemonSet', {}, false],
  ['a DaemonSet whose nodes are to come', { daemonSets: ['eks-pod-identity-agent'] }, true],
  ['another DaemonSet', { daemonSets: ['kube-proxy'] }, false],
  [
    'a DaemonSet without a pod on the nodes',
    { nodes: [node('a')], daemonSets: ['eks-pod-identity-agent'] },
    false,
  ],
  ['one node with an agent', { nodes: [node('a'), node('b')], agents: [agentOn('a')] }, true],
  ['one node of EKS Auto Mode', { nodes: [node('a'), node('b', 'auto')] }, true],
])(
  'hasAgent determines whether new pods can get credentials in a cluster with %s',
  async (_, objects, expected) => {
    const agents = await readAgents(clientOf(objects).client, signal);
    expect(hasAgent(agents, { autoMode: false })).toBe(expected);
    expect(hasAgent(agents, { autoMode: true })).toBe(true);
  },
);
