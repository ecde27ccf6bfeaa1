/** Proofs over HTTP: the request that is sent, and the reason that is reported for each failure. */
import {
  CreateOpenIDConnectProviderCommand,
  CreateRoleCommand,
  DeleteOpenIDConnectProviderCommand,
  DeleteRoleCommand,
  GetRoleCommand,
  RemoveClientIDFromOpenIDConnectProviderCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { STSClient } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createCallScheduler } from '../../../src/aws/scheduler.ts';
import { createStsIdentityProver } from '../../../src/aws/identity-provers.ts';
import { IdentityError, subjectOf, trustPolicy } from '../../../src/identity/index.ts';
import { systemTimer } from '../../../src/kube/index.ts';
import {
  accountId,
  createTokenIssuer,
  issuer,
  providerArn,
  startTestEmulator,
  type TestEmulator,
  type TokenClaims,
} from '../../../sandbox/src/aws/testing/emulator.ts';
import { monotonicClock, wallClock } from '../../../src/k8s/testing/clocks.ts';

const roleArn = `arn:aws:iam::${accountId}:role/konstellation/proven`;
const trustOf = (namespace: string): string =>
  trustPolicy({ providerArn, issuer, subjects: [subjectOf(namespace, 'myaccount')] });

const tokens = await createTokenIssuer(wallClock);
let isReachable = true;
let emulator: TestEmulator;
beforeEach(async () => {
  isReachable = true;
  // Each test starts a new emulator, because an emulator caches the issuer's keys.
  emulator = await startTestEmulator({
    now: wallClock,
    issuerKeys: () =>
      isReachable ? Promise.resolve({ keys: [tokens.jwk] }) : Promise.reject(new Error('out of reach')),
  });
  await emulator
    .iam()
    .send(new CreateOpenIDConnectProviderCommand({ Url: issuer, ClientIDList: ['sts.amazonaws.com'] }));
  await emulator.iam().send(
    new CreateRoleCommand({
      RoleName: 'proven',
      Path: '/konstellation/',
      AssumeRolePolicyDocument: trustOf('production'),
    }),
  );
});
afterEach(async () => {
  await emulator.close();
});

/** Returns the error code, or `proven`. */
async function prove(
  claims: TokenClaims = {},
  sts: STSClient = emulator.sts(),
  roleId?: string,
): Promise<string> {
  const scheduler = createCallScheduler({
    service: 'sts',
    now: monotonicClock,
    random: () => 0,
    setTimer: (callback, delayMs) => systemTimer(callback, delayMs / 100),
  });
  const prover = createStsIdentityProver({ sts, scheduler, caller: { owner: 'test', priority: 'new' } });
  try {
    await prover.prove({
      token: await tokens.sign(claims),
      roleArn,
      ...(roleId === undefined ? {} : { roleId }),
      sessionName: 'konstellation-proof',
    });
    return 'proven';
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error;
    expect(error.message).not.toContain('eyJ');
    return error.code;
  }
}

it('a proof requests the shortest possible session, with a session policy that allows nothing', async () => {
  expect(await prove()).toBe('proven');
  const call = emulator.journal.entries().at(-1);
  expect(call).toMatchObject({ action: 'AssumeRoleWithWebIdentity', status: 200 });
  expect(call?.parameters).toMatchObject({ RoleArn: roleArn, DurationSeconds: '900' });
  expect(JSON.parse(String(call?.parameters['Policy']))).toEqual({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }],
  });
});

it('a proof fails for a role that has the expected name but not the expected role ID', async () => {
  const { Role: role } = await emulator.iam().send(new GetRoleCommand({ RoleName: 'proven' }));
  expect(await prove({}, emulator.sts(), role?.RoleId)).toBe('proven');
  expect(await prove({}, emulator.sts(), 'AROAAAAAAAAAAAAAAAAAA')).toBe('NotInEffect');
});

const provider = { OpenIDConnectProviderArn: providerArn };
const ways: readonly [string, string, (() => Promise<unknown>) | undefined, TokenClaims?][] = [
  [
    'no OIDC provider',
    'OIDCProviderMissing',
    () => emulator.iam().send(new DeleteOpenIDConnectProviderCommand(provider)),
  ],
  ['a token of another issuer', 'OIDCProviderMissing', undefined, { iss: 'https://issuer.example/other' }],
  [
    'a provider that does not list the audience',
    'TokenRejected',
    () =>
      emulator
        .iam()
        .send(
          new RemoveClientIDFromOpenIDConnectProviderCommand({ ...provider, ClientID: 'sts.amazonaws.com' }),
        ),
  ],
  ['a token for another audience', 'TokenRejected', undefined, { aud: 'vault' }],
  ['a token that expired more than five minutes ago', 'TokenRejected', undefined, { expiresIn: -360 }],
  ['a token that the issuer did not sign', 'TokenRejected', undefined, { kid: 'unknown' }],
  [
    'a trust policy that names somebody else, or is not known everywhere yet',
    'AssumeRoleDenied',
    () =>
      emulator
        .iam()
        .send(new UpdateAssumeRolePolicyCommand({ RoleName: 'proven', PolicyDocument: trustOf('staging') })),
  ],
  [
    'a role that is gone',
    'AssumeRoleDenied',
    () => emulator.iam().send(new DeleteRoleCommand({ RoleName: 'proven' })),
  ],
  [
    'an issuer whose keys STS cannot read',
    'IssuerUnreachable',
    async () => {
      isReachable = false;
    },
  ],
  [
    'an STS that fails',
    'ServiceFailure',
    async () =>
      emulator.faults.set({ rules: [{ service: 'sts', error: { code: 'InternalFailure', status: 500 } }] }),
  ],
];
it.each(ways)('%s is reported as %s', async (_what, code, arrange, claims) => {
  await arrange?.();
  expect(await prove(claims)).toBe(code);
});

it('an STS endpoint that cannot be reached is reported as Unreachable', async () => {
  const nowhere = new STSClient({ ...emulator.client(), endpoint: 'http://127.0.0.1:1' });
  expect(await prove({}, nowhere)).toBe('Unreachable');
});
