import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DetachRolePolicyCommand,
  GenerateServiceLastAccessedDetailsCommand,
  GetServiceLastAccessedDetailsCommand,
  ListRolesCommand,
  type GetServiceLastAccessedDetailsResponse,
  type ServiceLastAccessed,
} from '@aws-sdk/client-iam';
import { S3Client, ListBucketsCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { wallClock } from '../../../../src/k8s/testing/clocks.ts';
import type { Wall } from '../../../../src/k8s/time.ts';
import { accountId, nobody, startTestEmulator, type Keys, type TestEmulator } from '../testing/emulator.ts';

const start = Date.parse('2027-03-01T10:00:00Z') as Wall;
const minute = 60_000;
const roleArn = `arn:aws:iam::${accountId}:role/app`;
const managed = (name: string): string => `arn:aws:iam::aws:policy/${name}`;

const createRole = new CreateRoleCommand({
  RoleName: 'app',
  AssumeRolePolicyDocument: JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${accountId}:root` },
      Action: 'sts:AssumeRole',
    },
  }),
});

let emulator: TestEmulator;
let time: Wall;

beforeEach(async () => {
  time = start;
  emulator = await startTestEmulator({ now: () => time, wallClock });
  await emulator.iam().send(createRole);
});
afterEach(() => emulator.close());

async function attach(...names: readonly string[]): Promise<void> {
  for (const name of names)
    await emulator.iam().send(new AttachRolePolicyCommand({ RoleName: 'app', PolicyArn: managed(name) }));
}

async function session(): Promise<Keys> {
  const { Credentials: given } = await emulator
    .sts()
    .send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'pod' }));
  return {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  };
}

const s3 = (keys: Keys): S3Client => new S3Client({ ...emulator.client(keys), forcePathStyle: true });

async function startReport(granularity?: 'SERVICE_LEVEL' | 'ACTION_LEVEL'): Promise<string> {
  const { JobId = '' } = await emulator
    .iam()
    .send(new GenerateServiceLastAccessedDetailsCommand({ Arn: roleArn, Granularity: granularity }));
  return JobId;
}

const read = (JobId: string, page: object = {}): Promise<GetServiceLastAccessedDetailsResponse> =>
  emulator.iam().send(new GetServiceLastAccessedDetailsCommand({ JobId, ...page }));

async function report(
  granularity?: 'SERVICE_LEVEL' | 'ACTION_LEVEL',
): Promise<readonly ServiceLastAccessed[]> {
  const id = await startReport(granularity);
  time = (time + minute) as Wall;
  const { JobStatus, ServicesLastAccessed } = await read(id);
  expect(JobStatus).toBe('COMPLETED');
  return ServicesLastAccessed ?? [];
}

describe('last accessed information', () => {
  it('lists the services that the policies of the role allow, with the last attempt to use each service', async () => {
    await attach('AmazonS3ReadOnlyAccess', 'AmazonSQSReadOnlyAccess');
    const keys = await session();
    time = (start + 5 * minute) as Wall;
    await s3(keys).send(new ListBucketsCommand({}));
    const services = await report();
    expect(services.map(({ ServiceNamespace: name }) => name)).toEqual(['s3', 's3-object-lambda', 'sqs']);
    expect(services[0]).toMatchObject({
      ServiceName: 'Amazon S3',
      LastAuthenticated: new Date(start + 5 * minute),
      LastAuthenticatedEntity: roleArn,
      LastAuthenticatedRegion: 'eu-west-1',
      TotalAuthenticatedEntities: 1,
    });
    expect(services[0]?.TrackedActionsLastAccessed).toBeUndefined();
    expect(services[2]).toEqual({
      ServiceName: 'Amazon SQS',
      ServiceNamespace: 'sqs',
      TotalAuthenticatedEntities: 0,
    });
  });

  it('reports tracked actions, whether the role attempted them or not, but no data events', async () => {
    await attach('AmazonS3ReadOnlyAccess');
    const keys = await session();
    await s3(keys).send(new ListBucketsCommand({}));
    await expect(s3(keys).send(new GetObjectCommand({ Bucket: 'none', Key: 'k' }))).rejects.toThrow();
    const [service] = await report('ACTION_LEVEL');
    const tracked = service?.TrackedActionsLastAccessed ?? [];
    expect(tracked).toContainEqual({
      ActionName: 'ListAllMyBuckets',
      LastAccessedEntity: roleArn,
      LastAccessedTime: new Date(start),
      LastAccessedRegion: 'eu-west-1',
    });
    expect(tracked).toContainEqual({ ActionName: 'GetBucketAcl' });
    const names = tracked.map(({ ActionName }) => ActionName);
    expect(names).not.toContain('GetObject');
    expect(names).not.toContain('CreateBucket');
  });

  it('counts a denied call if the role is allowed to make other calls to the service', async () => {
    await attach('IAMUserChangePassword');
    const keys = await session();
    await expect(emulator.iam(keys).send(new ListRolesCommand({}))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
    const [service] = await report('ACTION_LEVEL');
    expect(service).toMatchObject({ ServiceNamespace: 'iam', LastAuthenticated: new Date(start) });
    // The policies allow tracked actions, but the role attempted none of these actions.
    expect(service?.TrackedActionsLastAccessed).toBeUndefined();
  });

  it('does not attribute the calls of a deleted role to a new role with the same name', async () => {
    await attach('AmazonS3ReadOnlyAccess');
    await s3(await session()).send(new ListBucketsCommand({}));
    for (const command of [
      new DetachRolePolicyCommand({ RoleName: 'app', PolicyArn: managed('AmazonS3ReadOnlyAccess') }),
      new DeleteRoleCommand({ RoleName: 'app' }),
      createRole,
    ])
      await emulator.iam().send(command as never);
    await attach('AmazonS3ReadOnlyAccess');
    expect((await report()).map(({ LastAuthenticated }) => LastAuthenticated)).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe('the job of a report', () => {
  it('is in progress at first, and returns its services in pages', async () => {
    await attach('AmazonS3ReadOnlyAccess', 'AmazonSQSReadOnlyAccess');
    const id = await startReport('ACTION_LEVEL');
    expect(await read(id)).toMatchObject({
      JobStatus: 'IN_PROGRESS',
      JobType: 'ACTION_LEVEL',
      JobCreationDate: new Date(start),
      ServicesLastAccessed: [],
    });
    time = (start + minute) as Wall;
    const first = await read(id, { MaxItems: 2 });
    expect(first).toMatchObject({ JobStatus: 'COMPLETED', IsTruncated: true });
    expect(first.ServicesLastAccessed).toHaveLength(2);
    const second = await read(id, { MaxItems: 2, Marker: first.Marker });
    expect(second).toMatchObject({ IsTruncated: false, ServicesLastAccessed: [{ ServiceNamespace: 'sqs' }] });
  });

  it('fails if the role was deleted', async () => {
    const id = await startReport();
    await emulator.iam().send(new DeleteRoleCommand({ RoleName: 'app' }));
    time = (start + minute) as Wall;
    expect(await read(id)).toMatchObject({
      JobStatus: 'FAILED',
      Error: { Code: 'NoSuchEntity', Message: 'The role with name app cannot be found.' },
    });
  });

  it('cannot be started for a missing role, and cannot be read with an unknown id, by another caller or without permission', async () => {
    const iam = emulator.iam();
    await expect(
      iam.send(new GenerateServiceLastAccessedDetailsCommand({ Arn: `${roleArn}-none` })),
    ).rejects.toMatchObject({ name: 'NoSuchEntityException' });
    await expect(read('01234567-89ab-4def-8123-456789abcdef')).rejects.toMatchObject({
      name: 'NoSuchEntityException',
    });
    await expect(read('short')).rejects.toMatchObject({ name: 'ValidationError' });
    await attach('AdministratorAccess');
    const id = await startReport();
    await expect(
      emulator.iam(await session()).send(new GetServiceLastAccessedDetailsCommand({ JobId: id })),
    ).rejects.toMatchObject({ name: 'NoSuchEntityException' });
    for (const command of [
      new GenerateServiceLastAccessedDetailsCommand({ Arn: roleArn }),
      new GetServiceLastAccessedDetailsCommand({ JobId: id }),
    ])
      await expect(emulator.iam(nobody).send(command as never)).rejects.toMatchObject({
        name: 'AccessDenied',
      });
  });
});
