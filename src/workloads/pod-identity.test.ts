import { describe, expect, test } from 'vitest';
import { countPods, identitiesHeld, podIdentity, type PodIdentity } from './pod-identity.ts';
import { skipContainersAnnotation, type Pod, type PodContainer } from './pod.ts';

const roleArn = 'arn:aws:iam::111122223333:role/konstellation/kon-main-payments-abc';
const otherArn = 'arn:aws:iam::111122223333:role/konstellation/kon-main-orders-def';
const wanted = { roleArn, audience: 'sts.amazonaws.com' };
const mountPath = '/var/run/secrets/eks.amazonaws.com/serviceaccount';

function injected(name: string, arn = roleArn, tokenFile = `${mountPath}/token`): PodContainer {
  return {
    name,
    env: [
      { name: 'LOG_LEVEL', value: 'info' },
      { name: 'AWS_ROLE_ARN', value: arn },
      { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: tokenFile },
    ],
    volumeMounts: [
      { name: 'kube-api-access-x', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
      { name: 'aws-iam-token', mountPath },
    ],
  };
}

function pod(
  containers: readonly PodContainer[],
  options: { audience?: string; init?: readonly PodContainer[]; skip?: string; phase?: string } = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web-1',
      namespace: 'production',
      ...(options.skip === undefined ? {} : { annotations: { [skipContainersAnnotation]: options.skip } }),
    },
    spec: {
      serviceAccountName: 'payments',
      containers,
      ...(options.init ? { initContainers: options.init } : {}),
      volumes: [
        { name: 'kube-api-access-x', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
        {
          name: 'aws-iam-token',
          projected: {
            sources: [
              { serviceAccountToken: { path: 'token', audience: options.audience ?? 'sts.amazonaws.com' } },
            ],
          },
        },
      ],
    },
    status: { phase: options.phase ?? 'Running' },
  };
}

const bare: PodContainer = { name: 'web' };
const agentFolder = '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount';
const podIdentityContainer: PodContainer = {
  name: 'web',
  env: [
    { name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: 'http://169.254.170.23/v1/credentials' },
    { name: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', value: `${agentFolder}/token` },
  ],
  volumeMounts: [{ name: 'aws-iam-token', mountPath: agentFolder }],
};
const byAgent = { audience: 'pods.eks.amazonaws.com' };

/** Returns the container with an additional variable before the injected variables. */
function withOwn(container: PodContainer, name: string, given: object = { value: 'x' }): PodContainer {
  return { ...container, env: [{ name, ...given }, ...(container.env ?? [])] };
}
const own = (variable: string, container = 'web'): PodIdentity => ({
  state: 'stale',
  container,
  held: { kind: 'own', variable },
});

const cases: readonly { name: string; pod: Pod; expected: PodIdentity }[] = [
  { name: 'the webhook wrote the wanted role', pod: pod([injected('web')]), expected: { state: 'current' } },
  {
    name: 'the webhook wrote another role',
    pod: pod([injected('web', otherArn)]),
    expected: {
      state: 'stale',
      container: 'web',
      held: { kind: 'role', roleArn: otherArn, audience: 'sts.amazonaws.com' },
    },
  },
  {
    name: 'the token is for another audience',
    pod: pod([injected('web')], { audience: 'sts.cn-north-1.amazonaws.com.cn' }),
    expected: {
      state: 'stale',
      container: 'web',
      held: { kind: 'role', roleArn, audience: 'sts.cn-north-1.amazonaws.com.cn' },
    },
  },
  {
    name: 'the role is set, but the token file is not the mounted token',
    pod: pod([injected('web', roleArn, '/elsewhere/token')]),
    expected: { state: 'stale', container: 'web', held: { kind: 'role', roleArn } },
  },
  {
    name: 'the webhook missed the pod',
    pod: pod([bare]),
    expected: { state: 'uninjected', container: 'web', held: { kind: 'none' } },
  },
  {
    name: 'a sidecar that another webhook added later has no identity',
    pod: pod([{ name: 'proxy' }, injected('web')]),
    expected: { state: 'current' },
  },
  {
    name: 'an init container that was added later has no identity',
    pod: pod([injected('web')], { init: [{ name: 'proxy-setup' }] }),
    expected: { state: 'current' },
  },
  {
    name: 'the webhook missed all containers of the pod',
    pod: pod([bare, { name: 'proxy' }], { init: [{ name: 'migrate' }] }),
    expected: { state: 'uninjected', container: 'migrate', held: { kind: 'none' } },
  },
  {
    name: 'a container has another role, and a sidecar has no identity',
    pod: pod([{ name: 'proxy' }, injected('web', otherArn)]),
    expected: {
      state: 'stale',
      container: 'web',
      held: { kind: 'role', roleArn: otherArn, audience: 'sts.amazonaws.com' },
    },
  },
  {
    name: 'a container that the annotation excludes has no identity',
    pod: pod([injected('web'), { name: 'proxy' }], { skip: 'proxy' }),
    expected: { state: 'current' },
  },
  {
    name: 'the annotation excludes every container',
    pod: pod([{ name: 'web' }, { name: 'proxy' }], { skip: '"web",proxy' }),
    expected: { state: 'exempt' },
  },
  {
    name: 'the pod has an EKS Pod Identity instead of the role',
    pod: pod([podIdentityContainer], byAgent),
    expected: { state: 'stale', container: 'web', held: { kind: 'podIdentity' } },
  },
  {
    name: 'the path of the token has a drive and backslashes, as on Windows',
    pod: pod([injected('web', roleArn, `C:${mountPath.replaceAll('/', '\\')}\\token`)]),
    expected: { state: 'current' },
  },
  ...['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_DEFAULT_PROFILE'].map((name) => ({
    name: `${name} takes precedence over the injected role`,
    pod: pod([withOwn(injected('web'), name)]),
    expected: own(name),
  })),
  {
    name: 'keys from a Secret take precedence over the injected identity',
    pod: pod([withOwn(injected('web'), 'AWS_ACCESS_KEY_ID', { valueFrom: { secretKeyRef: {} } })]),
    expected: own('AWS_ACCESS_KEY_ID'),
  },
  {
    name: 'an empty variable counts as unset',
    pod: pod([withOwn(injected('web'), 'AWS_ACCESS_KEY_ID', { value: '' })]),
    expected: { state: 'current' },
  },
  {
    name: 'a web identity takes precedence over container credentials',
    pod: pod([withOwn(injected('web'), 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI')]),
    expected: { state: 'current' },
  },
  {
    name: 'a container has keys, and the webhook missed the pod',
    pod: pod([bare, withOwn({ name: 'proxy' }, 'AWS_ACCESS_KEY_ID')]),
    expected: own('AWS_ACCESS_KEY_ID', 'proxy'),
  },
  {
    name: 'a sidecar that another webhook added later has its own keys',
    pod: pod([injected('web'), withOwn({ name: 'proxy' }, 'AWS_ACCESS_KEY_ID')]),
    expected: { state: 'current' },
  },
  {
    name: 'the role variable comes from a ConfigMap, so that the webhook skipped the container',
    pod: pod([withOwn(bare, 'AWS_ROLE_ARN', { valueFrom: { configMapKeyRef: {} } })]),
    expected: own('AWS_ROLE_ARN'),
  },
  {
    name: 'a container that the annotation excludes has keys',
    pod: pod([injected('web'), withOwn(injected('proxy'), 'AWS_ACCESS_KEY_ID')], { skip: 'proxy' }),
    expected: { state: 'current' },
  },
];

const casesByAgent: readonly { name: string; pod: Pod; expected: PodIdentity }[] = [
  {
    name: "the webhook wrote the agent's address and token",
    pod: pod([podIdentityContainer], byAgent),
    expected: { state: 'current' },
  },
  {
    name: 'a role by web identity takes precedence over the agent',
    pod: pod([injected('web')]),
    expected: {
      state: 'stale',
      container: 'web',
      held: { kind: 'role', roleArn, audience: 'sts.amazonaws.com' },
    },
  },
  {
    name: 'the container itself sets the credentials address, without a token',
    pod: pod([withOwn(bare, 'AWS_CONTAINER_CREDENTIALS_FULL_URI', { value: 'http://localhost/mine' })]),
    expected: own('AWS_CONTAINER_CREDENTIALS_FULL_URI'),
  },
  ...['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'].map((name) => ({
    name: `${name} takes precedence over the agent`,
    pod: pod([withOwn(podIdentityContainer, name)], byAgent),
    expected: own(name),
  })),
];

describe('podIdentity', () => {
  test.each(cases)('wanted identity is a role: $name → $expected.state', ({ pod, expected }) => {
    expect(podIdentity(pod, wanted)).toEqual(expected);
  });

  test.each(casesByAgent)(
    'wanted identity is a Pod Identity: $name → $expected.state',
    ({ pod, expected }) => {
      expect(podIdentity(pod, { roleArn, audience: 'pods.eks.amazonaws.com' })).toEqual(expected);
    },
  );
});

describe('identitiesHeld', () => {
  test('includes a role that other variables override, because a program may still use the role', () => {
    expect(identitiesHeld(pod([withOwn(injected('web'), 'AWS_ACCESS_KEY_ID')]))).toEqual([
      { kind: 'role', roleArn, audience: 'sts.amazonaws.com' },
    ]);
  });
});

describe('countPods', () => {
  test('counts running pods by their identity', () => {
    const counts = countPods(
      [
        pod([injected('web')]),
        pod([injected('web')], { phase: 'Pending' }),
        pod([injected('web', otherArn)]),
        pod([bare]),
        pod([bare], { skip: 'web' }),
        pod([bare], { phase: 'Succeeded' }),
        pod([injected('web', otherArn)], { phase: 'Failed' }),
      ],
      wanted,
    );
    expect(counts).toEqual({ current: 2, stale: 1, uninjected: 1 });
  });
});
