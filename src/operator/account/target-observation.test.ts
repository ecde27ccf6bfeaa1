import { expect, it } from 'vitest';
import type { HeldIdentities } from '../../identity/index.ts';
import type { AgentNode } from '../../workloads/index.ts';
import { identityEnv, trimPod, type Pod } from '../../workloads/pod.ts';
import { heldBy } from './target-observation.ts';

const pod = (name: string, { schedulerName = 'default-scheduler', nodeName = 'served' } = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'production', name, uid: `uid-${name}` },
  spec: {
    serviceAccountName: 'a',
    schedulerName,
    nodeName,
    containers: [
      {
        name: 'app',
        env: [
          { name: identityEnv.containerCredentials, value: 'http://169.254.170.23/v1/credentials' },
          {
            name: identityEnv.containerTokenFile,
            value: '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token',
          },
        ],
        volumeMounts: [
          { name: 'token', mountPath: '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount' },
        ],
      },
    ],
    volumes: [
      {
        name: 'token',
        projected: {
          sources: [
            { serviceAccountToken: { audience: 'pods.eks.amazonaws.com', path: 'eks-pod-identity-token' } },
          ],
        },
      },
    ],
  },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
});

const agent: Pod = {
  ...pod('agent'),
  metadata: { namespace: 'kube-system', name: 'agent' },
};
const held = (
  pods: readonly Pod[],
  nodeOf: (name: string) => AgentNode | undefined = () => undefined,
): HeldIdentities =>
  heldBy(pods.map(trimPod), {
    isReplaced: () => true,
    agents: { agentsOn: (node) => (node === 'served' ? [agent] : []), nodeOf },
  });

it('a pod on Fargate is not used to prove an identity and counts as a pod without a Pod Identity agent', () => {
  const pods = [pod('a', { schedulerName: 'fargate-scheduler' }), pod('b')];
  expect(held(pods)).toMatchObject({
    podIdentity: 2,
    readyByPodIdentity: 1,
    withoutAgent: [{ pod: 'a', computeType: 'fargate' }],
    exchangePod: { name: 'b', uid: 'uid-b' },
  });
  expect(held(pods.slice(0, 1)).exchangePod).toBeUndefined();
});

it('a ready pod on a node without a Pod Identity agent is not used to prove an identity but still counts as ready', () => {
  const pods = [pod('a', { nodeName: 'bare' }), pod('b')];
  expect(held(pods, () => ({}))).toMatchObject({
    podIdentity: 2,
    readyByPodIdentity: 2,
    withoutAgent: [{ pod: 'a', node: 'bare' }],
    unreadNodes: [],
    exchangePod: { name: 'b' },
  });
  expect(held(pods.slice(0, 1), () => ({})).exchangePod).toBeUndefined();
  expect(held(pods.slice(0, 1), () => ({ computeType: 'auto' })).exchangePod).toEqual({
    name: 'a',
    uid: 'uid-a',
  });
});

it('a node without an agent pod is read once, and only while a pod that needs the agent runs on the node', () => {
  const on = (name: string): Pod => pod(name, { nodeName: 'bare' });
  const ending = { ...on('c'), metadata: { ...on('c').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  expect(held([on('a'), on('b')])).toMatchObject({ unreadNodes: ['bare'], withoutAgent: [] });
  expect(held([on('a'), on('b')]).exchangePod).toBeUndefined();
  expect(held([ending]).unreadNodes).toEqual([]);
});
