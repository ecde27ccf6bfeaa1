/** The reader of IAM's last accessed information, over HTTP, with jobs that run, are complete or have failed. */
import { AttachRolePolicyCommand, CreateRoleCommand, DeleteRoleCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  startTestEmulator,
  accountId,
  type TestEmulator,
} from '../../../sandbox/src/aws/testing/emulator.ts';
import { callsOf } from '../../../src/aws/calls.ts';
import { createIamAccessReader, type AccessReader } from '../../../src/aws/iam-access-reader.ts';
import { createCallScheduler } from '../../../src/aws/scheduler.ts';
import { after, type Wall } from '../../../src/k8s/time.ts';
import { monotonicClock, wallClock } from '../../../src/k8s/testing/clocks.ts';
import { systemTimer } from '../../../src/kube/index.ts';

let emulator: TestEmulator;
let reader: AccessReader;
/** The emulator's clock stands still between two steps, so a job runs until the test advances the clock. */
let time: Wall;

beforeAll(async () => {
  time = wallClock();
  emulator = await startTestEmulator({ now: () => time, wallClock });
  const scheduler = createCallScheduler({
    service: 'iam',
    now: monotonicClock,
    random: Math.random,
    setTimer: systemTimer,
  });
  reader = createIamAccessReader({
    iam: emulator.iam(),
    calls: callsOf('iam', scheduler, { owner: 'test', priority: 'interactive' }),
  });
});
afterAll(() => emulator?.close());

const arnOf = (name: string): string => `arn:aws:iam::${accountId}:role/${name}`;

async function createRole(RoleName: string): Promise<void> {
  await emulator.iam().send(
    new CreateRoleCommand({
      RoleName,
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
      }),
    }),
  );
}

it('the access reader returns no report while the job runs, and returns the services of all pages once the job is complete', async () => {
  await createRole('app');
  await emulator.iam().send(
    new AttachRolePolicyCommand({
      RoleName: 'app',
      PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess',
    }),
  );
  const job = await reader.startReport(arnOf('app'));
  expect(await reader.report(job)).toBeUndefined();
  time = after(time, 1000);
  const report = (await reader.report(job)) ?? [];
  expect(report.length).toBeGreaterThan(300);
  expect(new Set(report.map(({ service }) => service)).size).toBe(report.length);
  expect(report).toContainEqual({ service: 's3', actions: [] });
  const createdAt = await reader.createdAt(arnOf('app'));
  expect(Date.parse(createdAt ?? '')).toBeLessThanOrEqual(time);
});

it('the access reader rejects with the error of a failed job, and with a different error if the role does not exist', async () => {
  await createRole('deleted');
  const job = await reader.startReport(arnOf('deleted'));
  await emulator.iam().send(new DeleteRoleCommand({ RoleName: 'deleted' }));
  time = after(time, 1000);
  await expect(reader.report(job)).rejects.toMatchObject({
    code: 'Unexpected',
    message:
      'iam:GetServiceLastAccessedDetails: the report failed: The role with name deleted cannot be found. (NoSuchEntity)',
  });
  await expect(reader.startReport(arnOf('deleted'))).rejects.toMatchObject({ code: 'RoleNotFound' });
});
