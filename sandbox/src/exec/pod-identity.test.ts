import { expect, test } from 'vitest';
import { type ExecPod, podIdentity } from './pod-identity.ts';

const tokenFile = '/var/run/secrets/eks.amazonaws.com/serviceaccount/token';

const pod: ExecPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'myapp-1', namespace: 'production' },
  spec: {
    serviceAccountName: 'myaccount',
    containers: [
      {
        name: 'app',
        env: [
          { name: 'LEVEL', value: 'debug' },
          { name: 'POD_IP' },
          { name: 'AWS_ROLE_ARN', value: 'arn:aws:iam::123456789012:role/r' },
          { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: tokenFile },
        ],
        volumeMounts: [
          { name: 'kube-api-access', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
          { name: 'aws-iam-token', mountPath: '/var/run/secrets/eks.amazonaws.com/serviceaccount' },
        ],
      },
      { name: 'sidecar' },
    ],
    volumes: [
      {
        name: 'kube-api-access',
        projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 3607 } }, {}] },
      },
      {
        name: 'aws-iam-token',
        projected: {
          sources: [
            {
              serviceAccountToken: {
                audience: 'sts.amazonaws.com',
                expirationSeconds: 86_400,
                path: 'token',
              },
            },
          ],
        },
      },
    ],
  },
};

function identityOf(container?: string): ReturnType<typeof podIdentity> & { outcome: 'found' } {
  const found = podIdentity(pod, container);
  if (found.outcome !== 'found') throw new Error(found.outcome);
  return found;
}

test('a program gets a token in place of the AWS token that the container mounts, but not in place of the API server token', () => {
  const { identity } = identityOf();
  expect(identity.serviceAccount).toBe('myaccount');
  expect(identity.tokens).toEqual([
    { audience: 'sts.amazonaws.com', expirationSeconds: 86_400, file: 'aws-iam-token/token' },
  ]);
});

test("a program gets the container's variables, but with a different token path", () => {
  expect(identityOf().identity.env('/tmp/x')).toEqual({
    LEVEL: 'debug',
    AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/r',
    AWS_WEB_IDENTITY_TOKEN_FILE: '/tmp/x/aws-iam-token/token',
  });
});

test('a program gets no token and no AWS variables if the container has no injected identity', () => {
  const { identity } = identityOf('sidecar');
  expect(identity.tokens).toEqual([]);
  expect(identity.env('/tmp/x')).toEqual({});
});

test('a container that does not exist is reported with the names of the existing containers', () => {
  expect(podIdentity(pod, 'nope')).toEqual({ outcome: 'no-such-container', containers: ['app', 'sidecar'] });
});

test('if a container has the address of the Pod Identity agent, its program uses the agent and a local token path', () => {
  const mountPath = '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount';
  const associated: ExecPod = {
    ...pod,
    spec: {
      ...pod.spec,
      containers: [
        {
          name: 'app',
          env: [
            { name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: 'http://169.254.170.23/v1/credentials' },
            {
              name: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
              value: `${mountPath}/eks-pod-identity-token`,
            },
          ],
          volumeMounts: [{ name: 'eks-pod-identity-token', mountPath }],
        },
      ],
      volumes: [
        {
          name: 'eks-pod-identity-token',
          projected: {
            sources: [
              { serviceAccountToken: { audience: 'pods.eks.amazonaws.com', path: 'eks-pod-identity-token' } },
            ],
          },
        },
      ],
    },
  };
  const found = podIdentity(associated, undefined);
  if (found.outcome !== 'found') throw new Error(found.outcome);
  expect(found.identity.usesAgent).toBe(true);
  expect(found.identity.env('/tmp/x')['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE']).toBe(
    '/tmp/x/eks-pod-identity-token/eks-pod-identity-token',
  );
  expect(identityOf().identity.usesAgent).toBe(false);
});
