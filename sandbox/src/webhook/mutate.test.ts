import { describe, expect, test } from 'vitest';
import {
  type Container,
  eksDefaults,
  mutate,
  type PatchOperation,
  type Pod,
  type ServiceAccount,
  type WebhookConfig,
} from './mutate.ts';

/** Makes the jitter select the longest token lifetime. */
const association = { random: () => 0.999_999 };
const config: WebhookConfig = { region: 'eu-west-1', ...eksDefaults };
const roleArn = 'arn:aws:iam::123456789012:role/konstellation/kon-sandbox-myaccount-1a2b3c4d';
const tokenFile = '/var/run/secrets/eks.amazonaws.com/serviceaccount/token';

const serviceAccount = (annotations: Record<string, string> = {}): ServiceAccount => ({
  metadata: { annotations: { 'eks.amazonaws.com/role-arn': roleArn, ...annotations } },
});
const pod = (spec: Partial<Pod['spec']> = {}, annotations: Record<string, string> = {}): Pod => ({
  metadata: { annotations },
  spec: { containers: [{ name: 'app' }], ...spec },
});

const sts = { name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'regional' };
const region = [
  { name: 'AWS_DEFAULT_REGION', value: 'eu-west-1' },
  { name: 'AWS_REGION', value: 'eu-west-1' },
];
const identity = [
  { name: 'AWS_ROLE_ARN', value: roleArn },
  { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: tokenFile },
];
const mount = {
  name: 'aws-iam-token',
  readOnly: true,
  mountPath: '/var/run/secrets/eks.amazonaws.com/serviceaccount',
};
const volume = (audience = 'sts.amazonaws.com', expirationSeconds = 86_400): object => ({
  name: 'aws-iam-token',
  projected: { sources: [{ serviceAccountToken: { audience, expirationSeconds, path: 'token' } }] },
});

function valueAt(patch: readonly PatchOperation[], path: string): unknown {
  return patch.find((operation) => operation.path === path)?.value;
}
function container(
  patch: readonly PatchOperation[],
  name = 'app',
  path = '/spec/containers',
): Container | undefined {
  return (valueAt(patch, path) as Container[]).find((each) => each.name === name);
}

test('every container and init container of a pod with a role gets the variables and the mount of the token volume', () => {
  const patch = mutate(
    pod({
      containers: [{ name: 'app', env: [{ name: 'A', value: 'a' }] }, { name: 'sidecar' }],
      initContainers: [{ name: 'init', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
    }),
    serviceAccount(),
    config,
  );
  const env = [sts, ...region, ...identity];
  expect(patch).toEqual([
    { op: 'add', path: '/spec/volumes', value: [volume()] },
    {
      op: 'add',
      path: '/spec/containers',
      value: [
        { name: 'app', env: [{ name: 'A', value: 'a' }, ...env], volumeMounts: [mount] },
        { name: 'sidecar', env, volumeMounts: [mount] },
      ],
    },
    {
      op: 'add',
      path: '/spec/initContainers',
      value: [{ name: 'init', env, volumeMounts: [{ name: 'data', mountPath: '/data' }, mount] }],
    },
  ]);
});

test.each<[string, ServiceAccount]>([
  ['has no annotations', {}],
  ['has no role', { metadata: { annotations: { 'eks.amazonaws.com/audience': 'x' } } }],
  ['has an empty role', { metadata: { annotations: { 'eks.amazonaws.com/role-arn': '' } } }],
])('the webhook does not change a pod whose ServiceAccount %s', (_name, account) => {
  expect(mutate(pod(), account, config)).toEqual([]);
});

test.each<[string, Partial<Pod['spec']>, string, unknown]>([
  ['a pod without volumes gets a list', {}, '/spec/volumes', [volume()]],
  ['an empty list gets its first volume', { volumes: [] }, '/spec/volumes/0', volume()],
  ['other volumes follow the token volume', { volumes: [{ name: 'data' }] }, '/spec/volumes/0', volume()],
])('the token volume is added: %s', (_name, spec, path, value) => {
  expect(mutate(pod(spec), serviceAccount(), config)[0]).toEqual({ op: 'add', path, value });
});

test('an existing volume named aws-iam-token is not changed', () => {
  const patch = mutate(pod({ volumes: [{ name: 'aws-iam-token' }] }), serviceAccount(), config);
  expect(patch.map(({ path }) => path)).toEqual(['/spec/containers']);
});

const given = (name: string): { name: string; value: string } => ({ name, value: 'given' });
test.each<[string, string[], object[]]>([
  ['the role gets no token file', ['AWS_ROLE_ARN'], [sts, ...region]],
  ['the token file gets no role', ['AWS_WEB_IDENTITY_TOKEN_FILE'], [sts, ...region]],
  ['the region gets no default region', ['AWS_REGION'], [sts, ...identity]],
  ['the default region gets no region', ['AWS_DEFAULT_REGION'], [sts, ...identity]],
  ['the STS setting keeps this setting', ['AWS_STS_REGIONAL_ENDPOINTS'], [...region, ...identity]],
])(
  "the webhook keeps a container's own variables: a container that itself sets %s",
  (_name, names, added) => {
    const own = names.map(given);
    const patch = mutate(pod({ containers: [{ name: 'app', env: own }] }), serviceAccount(), config);
    expect(container(patch)).toEqual({ name: 'app', env: [...own, ...added], volumeMounts: [mount] });
  },
);

test('a container that sets all variables itself gets no mount', () => {
  const own = { name: 'app', env: ['AWS_ROLE_ARN', 'AWS_REGION', 'AWS_STS_REGIONAL_ENDPOINTS'].map(given) };
  expect(container(mutate(pod({ containers: [own] }), serviceAccount(), config))).toEqual(own);
});

test('an existing mount of the token volume is not changed', () => {
  const own = { name: 'aws-iam-token', mountPath: '/elsewhere' };
  const patch = mutate(pod({ containers: [{ name: 'app', volumeMounts: [own] }] }), serviceAccount(), config);
  expect(container(patch)?.volumeMounts).toEqual([own]);
});

test.each([
  ['app', ['app']],
  ['app,init', ['app', 'init']],
  ['"app","init"', ['app', 'init']],
  ['app, init', ['app']],
  ['', []],
  ['sidecar', ['sidecar']],
  ['a"pp,init', []],
  ['"a"pp,init', []],
  ['"app', []],
  ['"x\ny",app', ['app']],
  ['"x""\r\n""y",app\r', ['app']],
  ['app\r', ['app']],
  ['\r\n\napp\ninit', ['app']],
  ['\r', []],
  ['app,', ['app']],
  [',"init"\n"', ['init']],
])('skip-containers %j on the pod skips %j', (text, expected) => {
  const patch = mutate(
    pod(
      { containers: [{ name: 'app' }, { name: 'sidecar' }], initContainers: [{ name: 'init' }] },
      { 'eks.amazonaws.com/skip-containers': text },
    ),
    serviceAccount(),
    config,
  );
  const all = [
    ...(valueAt(patch, '/spec/containers') as Container[]),
    ...(valueAt(patch, '/spec/initContainers') as Container[]),
  ];
  const skipped = all.filter(({ env }) => env === undefined).map(({ name }) => name);
  expect(skipped).toEqual(expected);
});

test('skip-containers on the ServiceAccount has no effect', () => {
  const patch = mutate(pod(), serviceAccount({ 'eks.amazonaws.com/skip-containers': 'app' }), config);
  expect(container(patch)?.env).toContainEqual(identity[0]);
});

test("the token has the audience of the ServiceAccount's annotation", () => {
  const patch = mutate(pod(), serviceAccount({ 'eks.amazonaws.com/audience': 'vault' }), config);
  expect(valueAt(patch, '/spec/volumes')).toEqual([volume('vault')]);
});

test.each<[string | undefined, string | undefined, number]>([
  [undefined, undefined, 86_400],
  ['3600', undefined, 3600],
  ['3600', '7200', 7200],
  [undefined, '7200', 7200],
  ['60', undefined, 600],
  ['-1', undefined, 600],
  ['soon', undefined, 86_400],
  ['3600', 'soon', 3600],
  ['1.5', undefined, 86_400],
  ['+3600', undefined, 3600],
  ['99999999999999999999', undefined, 86_400],
  ['3600', '99999999999999999999', 3600],
  [undefined, '-9223372036854775809', 86_400],
  [undefined, '-9223372036854775808', 600],
  [undefined, '9007199254740991', 9_007_199_254_740_991],
])(
  'token-expiration %j on the ServiceAccount and %j on the pod result in %i seconds',
  (ofAccount, ofPod, expected) => {
    const key = 'eks.amazonaws.com/token-expiration';
    const patch = mutate(
      pod({}, ofPod === undefined ? {} : { [key]: ofPod }),
      serviceAccount(ofAccount === undefined ? {} : { [key]: ofAccount }),
      config,
    );
    expect(valueAt(patch, '/spec/volumes')).toEqual([volume('sts.amazonaws.com', expected)]);
  },
);

test('a token lifetime that a JavaScript number cannot hold is written with all its digits, so that the API server refuses it', () => {
  const key = 'eks.amazonaws.com/token-expiration';
  const patch = mutate(pod({}, { [key]: '9223372036854775807' }), serviceAccount(), config);
  expect(JSON.stringify(patch)).toContain('"expirationSeconds":9223372036854775807,');
});

test.each<[string | undefined, boolean, boolean]>([
  [undefined, true, true],
  [undefined, false, false],
  ['false', true, false],
  ['0', true, false],
  ['true', false, true],
  ['yes', false, false],
  ['yes', true, true],
])('sts-regional-endpoints %j with a default of %j results in %j', (text, byDefault, expected) => {
  const patch = mutate(
    pod(),
    serviceAccount(text === undefined ? {} : { 'eks.amazonaws.com/sts-regional-endpoints': text }),
    { ...config, regionalSts: byDefault },
  );
  expect(container(patch)?.env?.some(({ name }) => name === sts.name)).toBe(expected);
});

test('a Windows pod gets a token path on drive C', () => {
  const patch = mutate(pod({ nodeSelector: { 'kubernetes.io/os': 'windows' } }), serviceAccount(), config);
  expect(container(patch)?.env).toContainEqual({
    name: 'AWS_WEB_IDENTITY_TOKEN_FILE',
    value: 'C:\\var\\run\\secrets\\eks.amazonaws.com\\serviceaccount\\token',
  });
});

test('the input pod is not modified', () => {
  const given = pod({ containers: [{ name: 'app', env: [] }], volumes: [] });
  const before = structuredClone(given);
  mutate(given, serviceAccount(), config);
  expect(given).toEqual(before);
});

describe('a pod whose ServiceAccount has a Pod Identity association', () => {
  const mountPath = '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount';
  const credentials = [
    { name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: 'http://169.254.170.23/v1/credentials' },
    { name: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', value: `${mountPath}/eks-pod-identity-token` },
  ];

  test("gets the agent's address and a token for the agent, regardless of the role annotation", () => {
    for (const account of [serviceAccount(), {}, undefined]) {
      const patch = mutate(pod(), account, config, association);
      // If the ServiceAccount is not in its cache, the real webhook does not apply its default for regional STS
      // endpoints.
      expect(container(patch)?.env).toEqual([...(account ? [sts] : []), ...region, ...credentials]);
      expect(container(patch)?.volumeMounts).toEqual([
        { name: 'eks-pod-identity-token', readOnly: true, mountPath },
      ]);
      expect(valueAt(patch, '/spec/volumes')).toEqual([
        {
          name: 'eks-pod-identity-token',
          projected: {
            sources: [
              {
                serviceAccountToken: {
                  audience: 'pods.eks.amazonaws.com',
                  expirationSeconds: 86_400,
                  path: 'eks-pod-identity-token',
                },
              },
            ],
          },
        },
      ]);
    }
  });

  test.each<[string | undefined, string | undefined, number, number]>([
    [undefined, undefined, 79_200, 86_400],
    ['86400', undefined, 79_200, 86_400],
    ['3600', '86400', 79_200, 86_400],
    ['86400', '7200', 7200, 7200],
    ['86399', undefined, 86_399, 86_399],
    ['90000', undefined, 90_000, 90_000],
  ])(
    'gets, with token-expiration %j on the ServiceAccount and %j on the pod, a token lifetime of %i to %i seconds',
    (ofAccount, ofPod, least, most) => {
      const key = 'eks.amazonaws.com/token-expiration';
      const annotated = (text: string | undefined): Record<string, string> =>
        text === undefined ? {} : { [key]: text };
      const life = (random: number, account?: ServiceAccount): unknown => {
        const patch = mutate(pod({}, annotated(ofPod)), account, config, { random: () => random });
        return /"expirationSeconds":(\d+)/.exec(JSON.stringify(patch))?.[1];
      };
      const account = { metadata: { annotations: annotated(ofAccount) } };
      expect([life(0, account), life(0.999_999, account)]).toEqual([String(least), String(most)]);
      if (ofAccount === undefined) expect(life(0)).toBe(String(least));
    },
  );

  test('gets a label', () => {
    expect(valueAt(mutate(pod(), {}, config, association), '/metadata/labels')).toEqual({
      'eks.amazonaws.com/pod-identity': 'enabled',
    });
    const labelled: Pod = { ...pod(), metadata: { labels: { app: 'x' } } };
    const patch = mutate(labelled, {}, config, association);
    expect(valueAt(patch, '/metadata/labels/eks.amazonaws.com~1pod-identity')).toBe('enabled');
    expect(valueAt(mutate(labelled, serviceAccount(), config), '/metadata/labels')).toBeUndefined();
  });

  test('keeps the variables that it sets itself, and gets no variables in skipped containers', () => {
    const own = [{ name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: 'http://localhost/mine' }];
    const containers = [{ name: 'app', env: own }, { name: 'sidecar' }];
    const patch = mutate(
      pod({ containers }, { 'eks.amazonaws.com/skip-containers': 'sidecar' }),
      serviceAccount(),
      config,
      association,
    );
    expect(container(patch)?.env).toEqual([...own, sts, ...region]);
    expect(container(patch, 'sidecar')).toEqual({ name: 'sidecar' });
  });

  test('gets the Pod Identity variables even if the pod sets AWS_ROLE_ARN, although SDKs prefer web identity', () => {
    const containers = [{ name: 'app', env: [{ name: 'AWS_ROLE_ARN', value: roleArn }] }];
    expect(container(mutate(pod({ containers }), {}, config, association))?.env).toEqual([
      { name: 'AWS_ROLE_ARN', value: roleArn },
      sts,
      ...region,
      ...credentials,
    ]);
  });
});
