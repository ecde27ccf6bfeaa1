/** The walkthrough of `kon conformance`, with the cluster, operator and AWS emulator of a sandbox. */
import { readFile } from 'node:fs/promises';
import { CreateRoleCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runPolicy } from '../../../sandbox/src/conformance/permissions.ts';
import type { Report } from '../../../sandbox/src/conformance/report.ts';
import { apps, clusterConfigs, linkedServiceAccounts } from '../../../src/api/index.ts';
import type { KubeObject } from '../../../src/kube/index.ts';
import { startSandbox, type TestSandbox } from '../../support/sandbox.ts';

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox?.stop());

/** Returns the environment variables of a session that has only the minimum permissions for a run with a cluster. */
async function leastRights(): Promise<Readonly<Record<string, string>>> {
  const { accountId, awsEndpoint: endpoint, region, credentials } = sandbox.description;
  const root = { AWS: `arn:aws:iam::${accountId}:root` };
  const trust = { Effect: 'Allow', Principal: root, Action: 'sts:AssumeRole' };
  const RoleName = 'runner';
  const { Role } = await sandbox.aws.iam.send(
    new CreateRoleCommand({
      RoleName,
      AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: trust }),
    }),
  );
  await sandbox.aws.iam.send(
    new PutRolePolicyCommand({
      RoleName,
      PolicyName: 'least',
      PolicyDocument: JSON.stringify(runPolicy({ partition: 'aws', accountId, cluster: true })),
    }),
  );
  const sts = new STSClient({ endpoint, region, credentials });
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: 'conformance' }),
  );
  sts.destroy();
  return {
    AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId ?? '',
    AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey ?? '',
    AWS_SESSION_TOKEN: Credentials?.SessionToken ?? '',
  };
}

test('the walkthrough of kon conformance creates, changes, repairs and deletes an account that an app uses, and finds no difference', async () => {
  const { client, aws } = sandbox;
  const { accountId, name, region, kubeconfig } = sandbox.description;
  const [config] = (await client.list<KubeObject>(clusterConfigs)).items;
  await client.patch(
    clusterConfigs,
    { name: config?.metadata.name ?? '' },
    { spec: { aws: { driftIntervalSeconds: 2 } } },
    { type: 'merge', fieldManager: 'test' },
  );
  const before = await aws.roleNames();
  const env = await leastRights();
  const [, context = ''] = /current-context"?: *"?([^",\n]+)/.exec(await readFile(kubeconfig, 'utf8')) ?? [];
  const { code, stdout, stderr } = await sandbox.kon(
    `conformance --account ${accountId} --context ${context} --cluster-name ${name} --region ${region} --target production --yes -o json`.split(
      ' ',
    ),
    { env },
  );
  expect(stderr).toMatch(/an account k11n-conf-\w{8}-walk of target production, .* and an app of that name/);
  const report = JSON.parse(stdout) as Report;
  const walkthrough = report.areas.find(({ name }) => name === 'Walkthrough');
  expect(walkthrough?.scenarios[0]?.calls.map(({ operation, got }) => [operation, got])).toEqual([
    ['create the account', 'Ready=True'],
    ['add a policy', 'Ready=True'],
    ['run an app with the account', 'Ready=True'],
    ['detach the policy in IAM', 'drift reported'],
    ['repair the drift', 'attached'],
    ['delete the app', 'deleted'],
    ['delete the account', 'deleted'],
  ]);
  const differences = report.areas.flatMap(({ scenarios }) =>
    scenarios.flatMap(({ calls }) => calls.flatMap((call) => call.differences)),
  );
  expect(differences).toEqual([]);
  expect(report.left).toEqual([]);
  expect(code).toBe(0);
  for (const resource of [apps, linkedServiceAccounts])
    expect((await client.list<KubeObject>(resource)).items).toEqual([]);
  expect(await aws.roleNames()).toEqual([...before, 'runner'].toSorted());
});
