/**
 * Account guard, with requests over HTTP: before the operator's clients use credentials, they check which AWS account
 * the credentials belong to.
 */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { connectAws, createAwsSchedulers, type AwsConnection } from '../../../src/aws/index.ts';
import { systemTimer } from '../../../src/kube/index.ts';
import {
  accountId,
  administrator,
  region,
  startTestEmulator,
  type TestEmulator,
} from '../../../sandbox/src/aws/testing/emulator.ts';
import { monotonicClock, wallClock } from '../../../src/k8s/testing/clocks.ts';

const caller = { owner: 'test', priority: 'new' } as const;
let emulator: TestEmulator;
let aws: AwsConnection;
beforeAll(async () => {
  emulator = await startTestEmulator({ now: wallClock });
  vi.stubEnv('AWS_ENDPOINT_URL', emulator.url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', administrator.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', administrator.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', undefined);
  const schedulers = createAwsSchedulers({ now: monotonicClock, random: Math.random, setTimer: systemTimer });
  aws = connectAws({ region, env: {}, userAgent: 'test', now: monotonicClock, schedulers });
});
afterAll(async () => {
  aws?.close();
  vi.unstubAllEnvs();
  await emulator?.close();
});

it('the account guard makes one call for all services to determine the AWS account, and blocks every call that is meant for another AWS account', async () => {
  const here = aws.as({ ...caller, accountId });
  const elsewhere = aws.as({ ...caller, accountId: '999999999999' });
  const ofCluster = { namespace: 'production', serviceAccount: 'a' };
  const outcomes = await Promise.allSettled([
    here.account.callerIdentity(),
    here.roles.read('nobody'),
    elsewhere.roles.snapshot(),
    elsewhere.roles.delete('theirs'),
    elsewhere.podIdentity('main').associations.read(ofCluster),
  ]);
  expect(outcomes.slice(0, 2)).toMatchObject([
    { status: 'fulfilled', value: { accountId } },
    { status: 'fulfilled', value: undefined },
  ]);
  for (const outcome of outcomes.slice(2))
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'WrongAccount' } });
  // A read of a role ends at the first refused call. Other calls of the same read may then still be queued, so the test
  // waits for them.
  await vi.waitFor(() =>
    expect(
      emulator.journal
        .entries()
        .map(({ action }) => action)
        .toSorted(),
    ).toEqual(['GetCallerIdentity', 'GetRole', 'ListAttachedRolePolicies', 'ListRolePolicies']),
  );
});

it('the account guard reports the error that prevents it from determining the AWS account, and tries again', async () => {
  const schedulers = createAwsSchedulers({
    now: monotonicClock,
    random: () => 0,
    setTimer: (go) => systemTimer(go, 1),
  });
  const fresh = connectAws({ region, env: {}, userAgent: 'test', now: monotonicClock, schedulers });
  emulator.faults.set({ rules: [{ service: 'sts', error: { code: 'InternalFailure', status: 500 } }] });
  const { roles } = fresh.as({ ...caller, accountId });
  await expect(roles.read('nobody')).rejects.toMatchObject({
    code: 'ServiceFailure',
    message: expect.stringContaining('sts:GetCallerIdentity') as string,
  });
  emulator.faults.set({});
  expect(await roles.read('nobody')).toBeUndefined();
  fresh.close();
});
