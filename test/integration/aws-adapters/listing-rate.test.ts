/** The separate rate limit of listings, which AWS may throttle earlier than other calls. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { connectAws, createAwsSchedulers, type AwsConnection } from '../../../src/aws/index.ts';
import { systemTimer } from '../../../src/kube/index.ts';
import {
  administrator,
  region,
  startTestEmulator,
  type TestEmulator,
} from '../../../sandbox/src/aws/testing/emulator.ts';
import { monotonicClock, wallClock } from '../../../src/k8s/testing/clocks.ts';

const schedulers = createAwsSchedulers({ now: monotonicClock, random: Math.random, setTimer: systemTimer });
let emulator: TestEmulator;
let aws: AwsConnection;
beforeAll(async () => {
  emulator = await startTestEmulator({ now: wallClock });
  vi.stubEnv('AWS_ENDPOINT_URL', emulator.url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', administrator.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', administrator.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', undefined);
  aws = connectAws({ region, env: {}, userAgent: 'test', now: monotonicClock, schedulers });
});
afterAll(async () => {
  aws?.close();
  vi.unstubAllEnvs();
  await emulator?.close();
});

it.each([
  ['roles', 'iam', 'GetAccountAuthorizationDetails'],
  ['associations', 'eks', 'ListPodIdentityAssociations'],
] as const)('a throttled listing of %s limits and delays no other call', async (what, service, action) => {
  emulator.faults.set({ rules: [{ service, action, error: { code: 'ThrottlingException', status: 400 } }] });
  const abort = new AbortController();
  const resync = aws.as({ owner: 'resync', priority: 'resync' });
  const listing =
    what === 'roles'
      ? resync.roles.snapshot(abort.signal)
      : resync.podIdentity('main').associations.list(abort.signal);
  const outcome = listing.catch(() => 'given up');
  const throttled = (): number =>
    emulator.journal.entries().filter((entry) => entry.action === action).length;
  await vi.waitUntil(() => throttled() > 0);
  await vi.waitUntil(() => schedulers[`${service}Listing`].figures().waiting.resync === 1);
  const edit = aws.as({ owner: 'a', priority: 'interactive' });
  expect(await edit.roles.read('nobody')).toBeUndefined();
  expect(schedulers[service].figures()).toMatchObject({ ratePerSecond: undefined });
  // Each retry of the listing is throttled, and waits again.
  await vi.waitFor(() =>
    expect(schedulers[`${service}Listing`].figures()).toMatchObject({
      service: `${service}-listing`,
      waiting: { resync: 1 },
    }),
  );
  abort.abort(new Error('enough'));
  expect(await outcome).toBe('given up');
});
