/**
 * Statements of accounts, enforced by IAM: what pods are allowed to do, the limit that the boundary sets, and the
 * removal of a statement.
 */
import {
  CreatePolicyCommand,
  IAMClient,
  DeleteRolePolicyCommand,
  GetRolePolicyCommand,
  ListUsersCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleWithWebIdentityCommand } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  apiVersion,
  linkedServiceAccounts,
  stsAudience,
  type LinkedServiceAccount,
  type LinkedServiceAccountSpec,
} from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { eventually } from '../support/eventually.ts';
import type { Running } from '../support/executable.ts';
import { roleNameOf } from '../support/emulator.ts';
import { startPartsAlone, type PartsAlone } from '../support/parts-alone.ts';
import { createPerson, roleArnOf, type Person } from '../support/person.ts';

type Aws = LinkedServiceAccountSpec['aws'];

const region = 'eu-west-1';
const bucket = { sid: 'Bucket', actions: ['s3:ListBucket'], resources: ['arn:$(partition):s3:::orders'] };
const identities = { sid: 'Identities', actions: ['iam:*'], resources: ['*'] };

let parts: PartsAlone;
let person: Person;
let operator: Running | undefined;
let boundary = '';
beforeAll(async () => {
  parts = await startPartsAlone();
  person = createPerson(parts.client);
  const { Policy: policy } = await parts.aws.iam.send(
    new CreatePolicyCommand({
      PolicyName: 'boundary',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
      }),
    }),
  );
  boundary = policy?.Arn ?? '';
  const s3 = s3With({
    accessKeyId: parts.administrator['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: parts.administrator['AWS_SECRET_ACCESS_KEY'] ?? '',
  });
  await s3.send(
    new CreateBucketCommand({ Bucket: 'orders', CreateBucketConfiguration: { LocationConstraint: region } }),
  );
  s3.destroy();
  operator = parts.startOperator(parts.administrator);
  await configure({ allowStatements: true, permissionsBoundaryArn: boundary });
});
afterAll(async () => {
  await operator?.end('SIGKILL');
  await parts?.stop();
});

async function configure(aws: Parameters<PartsAlone['configure']>[0]): Promise<void> {
  await parts.configure({ accountId: parts.accountId, oidcIssuer: parts.cluster.issuer, ...aws });
  await parts.untilConfigured('Ready');
}

type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

const s3With = (credentials: Credentials): S3Client =>
  new S3Client({ region, endpoint: parts.aws.endpoint, credentials, forcePathStyle: true });

const create = (name: string, aws: Partial<Aws>): Promise<LinkedServiceAccount> =>
  parts.client.create<LinkedServiceAccount>(linkedServiceAccounts, {
    apiVersion,
    kind: 'LinkedServiceAccount',
    metadata: { name },
    spec: { deletionPolicy: 'Delete', targets: ['production'], aws: { policyArns: [], ...aws } },
  });
const edit = (name: string, aws: object): Promise<unknown> =>
  parts.client.patch(linkedServiceAccounts, { name }, { spec: { aws } }, { type: 'merge' });

/** Returns the credentials that a pod of the account gets now. */
async function credentialsOfPod(account: string): Promise<Credentials> {
  const { token } = await parts.client.createToken(
    { namespace: 'production', name: account },
    { audiences: [stsAudience], expirationSeconds: 600 },
  );
  const { Credentials: given } = await parts.aws.sts.send(
    new AssumeRoleWithWebIdentityCommand({
      RoleArn: roleArnOf(await person.serviceAccount('production', account)),
      RoleSessionName: 'pod',
      WebIdentityToken: token,
    }),
  );
  return {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  };
}

/** Returns the error code of the call, or `allowed`. */
async function outcomeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'allowed',
    (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
  );
}

async function listBucket(credentials: Credentials): Promise<string> {
  const s3 = s3With(credentials);
  const outcome = await outcomeOf(s3.send(new ListObjectsV2Command({ Bucket: 'orders' })));
  s3.destroy();
  return outcome;
}

async function listUsers(credentials: Credentials): Promise<string> {
  const iam = new IAMClient({ region, endpoint: parts.aws.endpoint, credentials });
  const outcome = await outcomeOf(iam.send(new ListUsersCommand({})));
  iam.destroy();
  return outcome;
}

const isPut = ({ action }: { readonly action: string }): boolean => action === 'PutRolePolicy';

test('statements allow pods only what the boundary also allows, and each statement applies only until its expiry time', async () => {
  await create('orders', { statements: [bucket, identities] });
  await person.untilReady('orders');
  const pod = await credentialsOfPod('orders');
  expect(await listBucket(pod)).toBe('allowed');
  expect(await listUsers(pod)).toMatch(/^AccessDenied.*permissions boundary/);

  const since = await parts.aws.position();
  await edit('orders', { statements: [{ ...bucket, until: '2026-01-01T00:00:00Z' }] });
  await person.untilReady('orders');
  expect(await listBucket(pod)).toMatch(/^AccessDenied/);
  await edit('orders', { statements: [{ ...bucket, until: '2096-01-01T00:00:00Z' }] });
  await person.untilReady('orders');
  expect(await listBucket(pod)).toBe('allowed');
  expect((await parts.aws.journal(since)).filter(isPut)).toHaveLength(2);
});

test('after every out-of-band change, the operator repairs the inline policy that contains the statements, and keeps other inline policies', async () => {
  await create('repaired', { statements: [bucket] });
  const { status } = await person.untilReady('repaired');
  const RoleName = roleNameOf(status?.roleArn ?? '');
  const everything = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  });
  const put = (PolicyName: string): Promise<unknown> =>
    parts.aws.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: everything }));
  await put('theirs');
  for (const change of [
    () => put('konstellation'),
    () => parts.aws.iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: 'konstellation' })),
  ]) {
    await change();
    await eventually('the statements to be repaired', async () => {
      const found = await parts.aws.iam
        .send(new GetRolePolicyCommand({ RoleName, PolicyName: 'konstellation' }))
        .catch(() => undefined);
      const document = decodeURIComponent(found?.PolicyDocument ?? '');
      return document.includes('arn:aws:s3:::orders') ? true : undefined;
    });
    expect((await parts.aws.role(RoleName))?.inline).toEqual(['konstellation', 'theirs']);
  }
  await person.untilAccount('repaired', 'InlinePoliciesFound', (account) => {
    const found = findCondition(account.status?.conditions, 'PoliciesAttached');
    return found?.reason === 'InlinePoliciesFound' && found.message.endsWith(': theirs') ? true : undefined;
  });
});

test('statements are not written if the ClusterConfig forbids them or there is no boundary, and statements written earlier stay', async () => {
  await create('kept', { statements: [bucket] });
  const { status } = await person.untilReady('kept');
  const reasonOf = (name: string, reason: string): Promise<true> =>
    person.untilAccount(name, reason, (account) =>
      account.status?.statements?.reason === reason ? true : undefined,
    );
  await configure({ allowStatements: false, permissionsBoundaryArn: boundary });
  const since = await parts.aws.position();
  await edit('kept', { statements: [identities] });
  await reasonOf('kept', 'StatementsNotAllowed');
  expect(await listBucket(await credentialsOfPod('kept'))).toBe('allowed');

  await configure({ allowStatements: true });
  await reasonOf('kept', 'BoundaryRequired');
  await create('unbounded', { statements: [bucket] });
  await reasonOf('unbounded', 'BoundaryRequired');
  expect((await parts.aws.journal(since)).filter(isPut)).toEqual([]);
  const kept = roleNameOf(status?.roleArn ?? '');
  expect((await parts.aws.journal(since)).map(({ action }) => action)).not.toContain(
    'DeleteRolePermissionsBoundary',
  );
  await edit('kept', { statements: [] });
  await person.untilReady('kept');
  expect((await parts.aws.role(kept))?.inline).toEqual([]);
});
