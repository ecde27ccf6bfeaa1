/**
 * Clients of all AWS services in a network that reaches AWS only through a proxy and has its own certificate authority.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  accountId,
  administrator,
  region,
  startTestEmulator,
  type TestEmulator,
} from '../../../sandbox/src/aws/testing/emulator.ts';
import { createAwsAgents } from '../../../src/aws/agents.ts';
import { createEksAuthClient } from '../../../src/eks-auth/client.ts';
import { connectAws, createAwsSchedulers, type AwsConnection } from '../../../src/aws/index.ts';
import { connectInstallation } from '../../../src/aws/installation.ts';
import { createAuthority } from '../../../src/http/testing/certificates.ts';
import { startHttpProxy, type LoopbackProxy } from '../../../src/http/testing/proxies.ts';
import { monotonicClock, wallClock } from '../../../src/k8s/testing/clocks.ts';
import { systemTimer } from '../../../src/kube/index.ts';
import { prepareKon } from '../cli/kon.ts';

const closers: (() => unknown)[] = [];
let emulator: TestEmulator;
let proxy: LoopbackProxy;
let env: Readonly<Record<string, string>>;
beforeEach(async () => {
  emulator = await startTestEmulator({ now: wallClock });
  closers.push(() => emulator.close());
  const authority = await createAuthority();
  // Represents AWS behind the proxy: a TLS server with a certificate for any AWS host name, which forwards requests to
  // the emulator.
  const front = createServer(
    await authority.issue({
      name: 'aws',
      dnsNames: [
        '*.amazonaws.com',
        `*.${region}.amazonaws.com`,
        `*.eks.${region}.amazonaws.com`,
        '*.api.aws',
      ].concat(`*.${region}.api.aws`, '*.global.api.aws'),
    }),
    (socket) => {
      const upstream = connect(Number(new URL(emulator.url).port), '127.0.0.1');
      socket.on('error', () => upstream.destroy());
      upstream.on('error', () => socket.destroy());
      socket.pipe(upstream).pipe(socket);
    },
  );
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  closers.push(() => front.close());
  proxy = await startHttpProxy((front.address() as AddressInfo).port);
  closers.push(() => proxy.close());
  const folder = await mkdtemp(join(tmpdir(), 'aws-network-'));
  closers.push(() => rm(folder, { recursive: true }));
  const bundle = join(folder, 'ca.pem');
  await writeFile(bundle, authority.ca);
  env = { HTTPS_PROXY: proxy.url, AWS_CA_BUNDLE: bundle };
  vi.stubEnv('AWS_ENDPOINT_URL', undefined);
  vi.stubEnv('AWS_ACCESS_KEY_ID', administrator.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', administrator.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0).reverse()) await close();
});

function connectThrough(given: Readonly<Record<string, string>>): ReturnType<AwsConnection['as']> {
  const aws = connectAws({
    region,
    env: given,
    userAgent: 'test',
    now: monotonicClock,
    schedulers: createAwsSchedulers({
      now: monotonicClock,
      random: () => 0,
      setTimer: (go) => systemTimer(go, 1),
    }),
  });
  closers.push(() => aws.close());
  return aws.as({ owner: 'test', priority: 'interactive' });
}

/** Makes one call to each service. EKS responds that the cluster does not exist. */
async function callAll(aws: ReturnType<AwsConnection['as']>): Promise<readonly unknown[]> {
  const { associations, prover } = aws.podIdentity('main');
  const codeOf = (call: Promise<unknown>): Promise<unknown> =>
    call.catch((error: { readonly code?: string }) => error.code);
  return Promise.all([
    codeOf(aws.account.callerIdentity()),
    codeOf(aws.roles.read('missing')),
    codeOf(associations.read({ namespace: 'production', serviceAccount: 'a' })),
    codeOf(prover.prove({ token: 'x', roleArn: `arn:aws:iam::${accountId}:role/x` })),
  ]);
}

it.each([
  [
    'the usual endpoints',
    {},
    ['iam', `sts.${region}`, `eks.${region}`].map((name) => `${name}.amazonaws.com`),
    '',
  ],
  [
    'FIPS endpoints',
    { AWS_USE_FIPS_ENDPOINT: 'true' },
    ['iam-fips', `sts-fips.${region}`, `fips.eks.${region}`].map((name) => `${name}.amazonaws.com`),
    '-fips',
  ],
  [
    'dual-stack endpoints',
    { AWS_USE_DUALSTACK_ENDPOINT: 'true' },
    ['iam.global', `sts.${region}`, `eks.${region}`].map((name) => `${name}.api.aws`),
    '',
  ],
])('all services are reached through a CONNECT proxy, with %s', async (_, variables, hosts, fips) => {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const [caller, role, association, proof] = await callAll(connectThrough(env));
  expect(caller).toMatchObject({ accountId });
  expect(role).toBeUndefined();
  expect([association, proof]).toEqual(['ClusterUnknown', 'ClusterUnknown']);
  expect([...new Set(proxy.targets)].toSorted()).toEqual(
    [...hosts, `eks-auth${fips}.${region}.api.aws`].map((host) => `${host}:443`).toSorted(),
  );
});

it.each([
  ['cn-north-1', 'eks-auth.cn-north-1.api.amazonwebservices.com.cn'],
  ['eusc-de-east-1', 'eks-auth.eusc-de-east-1.api.amazonwebservices.eu'],
  ['us-gov-west-1', 'eks-auth.us-gov-west-1.api.aws'],
])('the EKS Auth client of the region %s connects to %s', async (regionOfPartition, host) => {
  const auth = createEksAuthClient({
    region: regionOfPartition,
    credentials: administrator,
    maxAttempts: 1,
    requestHandler: createAwsAgents(env),
  });
  closers.push(() => auth.close());
  // The certificate does not name the host, so the handshake fails.
  await expect(auth.exchange({ clusterName: 'main', token: 'x' })).rejects.toThrow();
  expect(proxy.targets).toEqual([`${host}:443`]);
});

it('kon install reaches AWS through the proxy', async () => {
  const installation = connectInstallation({ region, env, userAgent: 'test' });
  closers.push(() => installation.close());
  await expect(installation.clusterNames()).resolves.toEqual([]);
  expect(proxy.targets).toEqual([`eks.${region}.amazonaws.com:443`]);
});

it('credentials from a web identity token are requested through the proxy', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
  vi.stubEnv('AWS_ROLE_ARN', `arn:aws:iam::${accountId}:role/operator`);
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', env['AWS_CA_BUNDLE']);
  await expect(connectThrough(env).account.callerIdentity()).rejects.toMatchObject({ name: 'IdentityError' });
  expect(new Set(proxy.targets)).toEqual(new Set([`sts.${region}.amazonaws.com:443`]));
});

it('an endpoint on loopback is reached directly', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL', emulator.url);
  const { account } = connectThrough({ ...env, HTTP_PROXY: proxy.url });
  await expect(account.callerIdentity()).resolves.toMatchObject({ accountId });
  expect(proxy.targets).toEqual([]);
});

it('an endpoint in NO_PROXY is not reached through the proxy', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL', 'https://sts.aws.invalid');
  const { account } = connectThrough({ ...env, NO_PROXY: 'localhost,.aws.invalid' });
  await expect(account.callerIdentity()).rejects.toMatchObject({ code: 'Unreachable' });
  expect(proxy.targets).toEqual([]);
});

it.each([
  ['no trusted authority signed the certificate of the endpoint', { AWS_CA_BUNDLE: '' }],
  ['the CA bundle does not exist', { AWS_CA_BUNDLE: '/nonexistent/ca.pem' }],
  ['the proxy is down', { HTTPS_PROXY: 'http://127.0.0.1:1' }],
])('AWS is reported as unreachable if %s', async (_, variables) => {
  const call = async (): Promise<unknown> =>
    connectThrough({ ...env, ...variables }).account.callerIdentity();
  await expect(call()).rejects.toMatchObject({ code: 'Unreachable' });
});

it('kon trusts the certificate authorities in NODE_EXTRA_CA_CERTS, and kon doctor reads the time of AWS through the proxy', async () => {
  const { HTTPS_PROXY = '', AWS_CA_BUNDLE: ca = '' } = env;
  const kon = await prepareKon({
    HTTPS_PROXY,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: administrator.accessKeyId,
    AWS_SECRET_ACCESS_KEY: administrator.secretAccessKey,
  });
  closers.push(() => kon.remove());
  const verdicts = async (variables: Readonly<Record<string, string>>): Promise<readonly unknown[]> => {
    const { stdout } = await kon.run(['doctor', '--kubeconfig', '/no/such/file', '-o', 'json'], {
      env: variables,
    });
    const { checks } = JSON.parse(stdout) as { readonly checks: readonly { readonly id: string }[] };
    return checks.filter(({ id }) => ['aws-credentials', 'aws-clock-skew'].includes(id));
  };
  expect(await verdicts({ NODE_EXTRA_CA_CERTS: ca })).toMatchObject([{ status: 'ok' }, { status: 'ok' }]);
  expect(new Set(proxy.targets)).toEqual(new Set([`sts.${region}.amazonaws.com:443`]));
  expect(await verdicts({})).toMatchObject([
    { status: expect.not.stringContaining('ok'), message: expect.stringContaining('certificate') },
    { status: 'skipped' },
  ]);
});
