/**
 * Quarantine of single pods in a complete sandbox (G10), with EKS Pod Identity sessions from before the quarantine. The
 * operator has the administrator's AWS credentials, because the sandbox's own operator is not permitted to write inline
 * policies.
 */
import { DeleteRolePolicyCommand } from '@aws-sdk/client-iam';
import type { Credentials } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  apiVersion,
  clusterConfigs,
  linkedServiceAccounts,
  podIdentityAudience,
  quarantines,
  type LinkedServiceAccount,
  type Quarantine,
} from '../../../src/api/index.ts';
import { createEksAuthClient, type EksAuthClient } from '../../../src/eks-auth/client.ts';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import { roleNameOf, type RoleSnapshot } from '../../support/emulator.ts';
import { eventually } from '../../support/eventually.ts';
import type { Running } from '../../support/executable.ts';
import { createPerson, policies, type Person } from '../../support/person.ts';
import { startSandbox, type TestSandbox } from '../../support/sandbox.ts';
import { readS3 } from '../../support/sessions.ts';

let sandbox: TestSandbox;
let person: Person;
let eksAuth: EksAuthClient;
let operator: Running | undefined;
beforeAll(async () => {
  sandbox = await startSandbox({ operator: false });
  person = createPerson(sandbox.client);
  const { awsEndpoint: endpoint, region, credentials } = sandbox.description;
  eksAuth = createEksAuthClient({ endpoint, region, credentials });
  operator = sandbox.startKon(['operator', '--without-lease']);
  const change = { spec: { aws: { allowStatements: true, strictInline: true } } };
  for (const { metadata } of (await sandbox.client.list(clusterConfigs)).items)
    await sandbox.client.patch(clusterConfigs, metadata, change, { type: 'merge', fieldManager: 'test' });
});
afterAll(async () => {
  await operator?.end('SIGKILL');
  eksAuth?.close();
  await sandbox?.stop();
});

async function roleOf(name: string): Promise<RoleSnapshot> {
  const { status } = await person.untilAccount(name, 'a role', (seen) =>
    seen.status?.roleArn === undefined ? undefined : seen,
  );
  const role = await sandbox.aws.role(roleNameOf(status?.roleArn ?? ''));
  if (!role) throw new Error(`${name} has no role`);
  return role;
}

/** Returns an EKS Pod Identity session, as the agent on the node obtains it for the pod. */
async function sessionOf({ metadata }: KubeObject, serviceAccount: string): Promise<Credentials> {
  const { namespace = '', name, uid = '' } = metadata;
  const { token } = await sandbox.client.createToken(
    { namespace, name: serviceAccount },
    {
      audiences: [podIdentityAudience],
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      expirationSeconds: 600,
    },
  );
  const { credentials } = await eksAuth.exchange({ clusterName: sandbox.description.name, token });
  return {
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    SessionToken: credentials.sessionToken,
    Expiration: credentials.expiration,
  };
}

test('G10: a quarantine of one pod denies no other pod, and lasts until its release, despite manual changes, edits and the end of the pod', async () => {
  const name = 'by-pod';
  const app = 'by-pod-app';
  await sandbox.client.create<LinkedServiceAccount>(linkedServiceAccounts, {
    apiVersion,
    kind: 'LinkedServiceAccount',
    metadata: { name },
    spec: {
      targets: ['production'],
      deletionPolicy: 'Delete',
      aws: {
        policyArns: [policies.readOnly],
        permissionsBoundaryArn: policies.fullAccess,
        identityMode: 'PodIdentity',
      },
    },
  });
  await person.createApp(app, {
    serviceAccount: name,
    targets: [{ name: 'production', deployMode: 'latest', scale: { min: 2 } }],
  });
  await person.untilAppReady(app);
  await person.untilReady(name);
  const [intruder, other] = await person.pods(app, 'production');
  if (!intruder || !other) throw new Error('the app has not two pods');
  const [stolen, theirs] = [await sessionOf(intruder, name), await sessionOf(other, name)];
  expect([await readS3(sandbox, stolen), await readS3(sandbox, theirs)]).toEqual(['allowed', 'allowed']);

  const cut = await sandbox.kon(['account', 'quarantine', name, '--pod', intruder.metadata.name, '--yes']);
  expect(cut.code, cut.stderr).toBe(0);
  expect(cut.stdout).toBe(`quarantine/${name}-${intruder.metadata.uid} created\n`);
  const access = async (): Promise<readonly string[]> => [
    await readS3(sandbox, stolen),
    await readS3(sandbox, await sessionOf(intruder, name)),
    await readS3(sandbox, theirs),
    await readS3(sandbox, await sessionOf(other, name)),
  ];
  const onlyOther = ['AccessDenied', 'AccessDenied', 'allowed', 'allowed'];
  expect(await access()).toEqual(onlyOther);
  await person.untilReady(name);

  // If a user removes the denying policy by hand, the pod gets access only for a short time.
  const RoleName = roleNameOf((await roleOf(name)).arn);
  await sandbox.aws.iam.send(
    new DeleteRolePolicyCommand({ RoleName, PolicyName: 'konstellation-quarantine' }),
  );
  await person.editPolicies(name, [policies.fullAccess]);
  await eventually('the denial was written again', async () =>
    (await readS3(sandbox, stolen)) === 'AccessDenied' ? true : undefined,
  );
  await sandbox.aws.untilCalled(
    await sandbox.aws.position(),
    'two drift passes',
    ({ action }) => action === 'GetAccountAuthorizationDetails',
    2,
  );
  expect(await access()).toEqual(onlyOther);
  expect((await roleOf(name)).inline).toEqual(['konstellation-quarantine']);

  // The session outlives its pod.
  await sandbox.client.delete(resources.pods, intruder.metadata);
  await person.untilAppReady(app);
  expect(await readS3(sandbox, stolen)).toBe('AccessDenied');
  const shown = await sandbox.kon(['account', 'show', name]);
  expect(shown.stdout).toContain(intruder.metadata.uid);
  expect(await sandbox.kon(['account', 'release', name, '--yes'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`kon account release ${name} --pod ${intruder.metadata.uid}`) as string,
  });
  const released = await sandbox.kon([
    'account',
    'release',
    name,
    '--pod',
    intruder.metadata.uid ?? '',
    '--yes',
  ]);
  expect(released.code, released.stderr).toBe(0);
  expect(released.stderr).toContain('older sessions work again until they expire');
  expect(await readS3(sandbox, stolen)).toBe('allowed');
  expect((await roleOf(name)).inline).toEqual([]);
}, 180_000);

test('kon refuses to quarantine a single pod that uses a web identity or whose role has no boundary, and writes nothing', async () => {
  const name = 'by-token';
  const app = 'by-token-app';
  await person.createAccount(name);
  const asked = (): Promise<{ readonly code: number | null; readonly stderr: string }> =>
    sandbox.kon(['account', 'quarantine', name, '--pod', `${app}-0`, '--yes']);
  await person.untilReady(name);
  expect(await asked()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('the role of the account has no permissions boundary') as string,
  });
  const boundary = { spec: { aws: { permissionsBoundaryArn: policies.fullAccess } } };
  await sandbox.client.patch(linkedServiceAccounts, { name }, boundary, {
    type: 'merge',
    fieldManager: 'test',
  });
  expect((await asked()).stderr).toContain(`has no running pod "${app}-0"`);
  await person.createApp(app, {
    serviceAccount: name,
    targets: [{ name: 'production', deployMode: 'latest' }],
  });
  await person.untilAppReady(app);
  const [pod] = await person.pods(app, 'production');
  const refused = await sandbox.kon([
    'account',
    'quarantine',
    name,
    '--pod',
    pod?.metadata.name ?? '',
    '--yes',
  ]);
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('has a web identity (IRSA)') as string,
  });
  expect((await sandbox.client.list<Quarantine>(quarantines)).items).toEqual([]);
}, 180_000);
