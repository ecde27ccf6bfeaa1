/**
 * The adapters create and prove an identity (role, OIDC provider, policy) in each partition, with the real SDK over
 * HTTP.
 */
import { randomBytes } from 'node:crypto';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startAwsEmulator } from '../../../sandbox/src/aws/server.ts';
import { accountId, administrator, createTokenIssuer } from '../../../sandbox/src/aws/testing/emulator.ts';
import { awsHosts, iamRegionOf, partitionNames, stsAudience } from '../../../src/api/index.ts';
import { connectAws, createAwsSchedulers } from '../../../src/aws/index.ts';
import { connectInstallation } from '../../../src/aws/installation.ts';
import { oidcProviderArn, roleArn, subjectOf, trustPolicy } from '../../../src/identity/index.ts';
import { monotonicClock, wallClock } from '../../../src/k8s/testing/clocks.ts';
import { systemTimer } from '../../../src/kube/index.ts';

it.each(partitionNames)('an identity is created and proven in the partition %s', async (partition) => {
  const region = iamRegionOf(partition);
  const issuer = `https://oidc.${awsHosts(region).eks}/id/A`;
  const tokens = await createTokenIssuer(wallClock);
  const allowAll = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } };
  const emulator = await startAwsEmulator({
    partition,
    accountId,
    region,
    randomBytes,
    now: wallClock,
    issuerKeys: async () => ({ keys: [tokens.jwk] }),
    clusters: [],
    credentials: [
      {
        ...administrator,
        principalArn: `arn:${partition}:iam::${accountId}:user/administrator`,
        policies: [allowAll],
      },
    ],
  });
  onTestFinished(() => emulator.close());
  vi.stubEnv('AWS_ENDPOINT_URL', emulator.url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', administrator.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', administrator.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', undefined);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const installation = connectInstallation({ region, env: {}, userAgent: 'test' });
  onTestFinished(() => installation.close());
  const connection = connectAws({
    region,
    env: {},
    userAgent: 'test',
    now: monotonicClock,
    schedulers: createAwsSchedulers({ now: monotonicClock, random: () => 0, setTimer: systemTimer }),
  });
  onTestFinished(() => connection.close());
  const { account, roles, prover } = connection.as({ owner: 'test', priority: 'interactive' });

  expect(await account.callerIdentity()).toMatchObject({ accountId, partition });
  await installation.createProvider({ issuer, clientId: stsAudience, tags: {} });
  const providerArn = oidcProviderArn({ partition, accountId, issuer });
  expect(await account.oidcProvider(providerArn)).toMatchObject({ clientIds: [stsAudience] });

  const subject = subjectOf('production', 'a');
  const { arn, id } = await roles.create({
    name: 'a',
    description: '',
    maxSessionDuration: 3600,
    path: '/konstellation/',
    trustPolicy: trustPolicy({ providerArn, issuer, subjects: [subject] }),
    tags: {},
  });
  expect(arn).toBe(roleArn({ partition, accountId, path: '/konstellation/', name: 'a' }));
  const policy = `arn:${partition}:iam::aws:policy/AmazonS3ReadOnlyAccess`;
  await roles.attachPolicy('a', policy);
  expect(await roles.read('a')).toMatchObject({ arn, attachedPolicyArns: [policy] });
  const token = await tokens.sign({ iss: issuer, sub: subject, aud: stsAudience });
  await prover.prove({ token, roleArn: arn, roleId: id, sessionName: 'test' });
});
