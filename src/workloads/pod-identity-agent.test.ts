import { describe, expect, it } from 'vitest';
import { agentFor, agentOf, type AgentNode, type AgentState } from './pod-identity-agent.ts';
import { isAgent, trimPod, type ContainerStatus, type Pod } from './pod.ts';

const owner = (kind: string, name: string): object => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: '1', controller: true }],
});
const agent = (status: Pod['status'], metadata: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'eks-pod-identity-agent-x',
    namespace: 'kube-system',
    ...owner('DaemonSet', 'eks-pod-identity-agent'),
    ...metadata,
  },
  spec: { nodeName: 'node-1', containers: [{ name: 'agent' }] },
  ...(status ? { status } : {}),
});
const container = (status: Omit<ContainerStatus, 'name'>): ContainerStatus => ({
  name: 'agent',
  restartCount: 0,
  ...status,
});
const ready = { phase: 'Running', containerStatuses: [container({ ready: true })] };
const waiting = (reason: string, restartCount = 0): Pod['status'] => ({
  phase: 'Pending',
  containerStatuses: [container({ ready: false, restartCount, state: { waiting: { reason } } })],
});

describe('an agent', () => {
  it.each([
    ["a pod of the add-on's DaemonSet", {}, true],
    ['a pod of the DaemonSet for hybrid nodes', owner('DaemonSet', 'eks-pod-identity-agent-hybrid'), true],
    ['no pod of another namespace, where users can create pods', { namespace: 'production' }, false],
    ['no pod of a Deployment', owner('ReplicaSet', 'eks-pod-identity-agent'), false],
    ['no pod of another DaemonSet', owner('DaemonSet', 'kube-proxy'), false],
    ['no pod without an owner', { ownerReferences: [] }, false],
  ])('is %s', (_, metadata, expected) => {
    const pod = agent(ready, metadata);
    expect(isAgent(pod)).toBe(expected);
    expect(isAgent(trimPod(pod))).toBe(expected);
  });
});

describe('the agent of a node', () => {
  const stateWith = (agents: readonly Pod[], node: AgentNode | undefined): AgentState =>
    agentOf('node-1', { agentsOn: () => agents.map(trimPod), nodeOf: () => node });
  const ended = { deletionTimestamp: '2026-01-01T00:00:00Z' };

  it.each<[string, readonly Pod[], AgentState['state']]>([
    ['serves while its containers are ready', [agent(ready)], 'serves'],
    [
      'serves on an unreachable node, whose pods Kubernetes marks as not ready',
      [agent({ ...ready, conditions: [{ type: 'Ready', status: 'False' }] })],
      'serves',
    ],
    ['is changing while its first containers start', [agent(waiting('ContainerCreating'))], 'changing'],
    ['is changing before the kubelet reports its containers', [agent({ phase: 'Pending' })], 'changing'],
    ['is changing while its pod terminates', [agent(ready, ended)], 'changing'],
    ['serves while an older agent pod terminates', [agent(ready, ended), agent(ready)], 'serves'],
    ['is missing if its image cannot be pulled', [agent(waiting('ImagePullBackOff'))], 'missing'],
    ['is missing if its containers fail', [agent(waiting('ContainerCreating', 1))], 'missing'],
    [
      'is missing while its containers run and are not ready',
      [agent({ phase: 'Running', containerStatuses: [container({ ready: false })] })],
      'missing',
    ],
    ['is missing if the kubelet evicted its pod', [agent({ phase: 'Failed' })], 'missing'],
    ['is missing if there is no agent pod', [], 'missing'],
  ])('%s', (_, agents, state) => {
    expect(stateWith(agents, {}).state).toBe(state);
  });

  it('is assumed to be built into nodes of EKS Auto Mode, and into no other nodes', () => {
    expect(stateWith([], { computeType: 'auto' })).toEqual({ state: 'serves' });
    expect(stateWith([], { computeType: 'hybrid' })).toEqual({
      state: 'missing',
      node: 'node-1',
      computeType: 'hybrid',
    });
  });

  it('is determined from the agent pods; the node is read only if no agent pod on the node is ready or starting', () => {
    expect(stateWith([], undefined)).toEqual({ state: 'unread', node: 'node-1' });
    expect(stateWith([agent(ready)], undefined)).toEqual({ state: 'serves' });
    expect(stateWith([agent(undefined)], undefined)).toEqual({ state: 'changing' });
  });
});

describe('a pod', () => {
  const lookup = { agentsOn: () => [agent(ready)], nodeOf: () => undefined };
  const pod = (spec: NonNullable<Pod['spec']>): Pod => ({
    ...agent(ready, { namespace: 'production', name: 'app' }),
    spec,
  });

  it('on Fargate has no agent, even if an agent pod runs on its node', () => {
    expect(agentFor(pod({ schedulerName: 'fargate-scheduler', nodeName: 'node-1' }), lookup)).toEqual({
      state: 'missing',
      computeType: 'fargate',
    });
  });

  it('has the agent state `changing` until it has a node, and then the agent state of its node', () => {
    expect(agentFor(pod({ nodeName: 'node-1' }), lookup)).toEqual({ state: 'serves' });
    expect(agentFor(pod({}), { ...lookup, agentsOn: () => [] })).toEqual({ state: 'changing' });
  });
});
