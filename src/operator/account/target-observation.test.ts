import { expect, it } from 'vitest';
import { identityEnv, trimPod, type Pod } from '../../workloads/pod.ts';
import { heldBy } from './target-observation.ts';

const pod = (name: string, schedulerName: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'production', name, uid: `uid-${name}` },
  spec: {
    serviceAccountName: 'a',
    schedulerName,
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

it('a pod on Fargate proves no identity and counts as a pod without a Pod Identity agent', () => {
  const pods = [pod('a', 'fargate-scheduler'), pod('b', 'default-scheduler')].map(trimPod);
  expect(heldBy(pods, () => true)).toMatchObject({
    podIdentity: 2,
    readyByPodIdentity: 1,
    withoutAgent: [{ pod: 'a' }],
    exchangePod: { name: 'b', uid: 'uid-b' },
  });
  expect(heldBy(pods.slice(0, 1), () => true).exchangePod).toBeUndefined();
});
