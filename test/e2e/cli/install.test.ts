/**
 * The documented installation on a cluster without Konstellation, with a kubeconfig and AWS credentials: from `kon
 * install` to a pod with AWS permissions, and back to the initial state. The sandbox provides only what EKS provides.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { GetOpenIDConnectProviderCommand, ListOpenIDConnectProvidersCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import type { Environment } from '../../../sandbox/src/environment.ts';
import { eventually } from '../../support/eventually.ts';
import type { Finished, Running } from '../../support/executable.ts';
import { inSandbox, runAsPod } from '../../support/operator-pod.ts';
import { policies } from '../../support/person.ts';
import { startSandbox, type TestSandbox } from '../../support/sandbox.ts';

const root = resolve(import.meta.dirname, '../../..');

let sandbox: TestSandbox;
let operator: Running | undefined;
/** Environment variables with a kubeconfig, a user's AWS credentials, and the endpoints of the AWS emulator. */
let env: Environment;

beforeAll(async () => {
  sandbox = await startSandbox({ bare: true });
  const { kubeconfig, awsEndpoint, credentials } = sandbox.description;
  env = {
    PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    HOME: sandbox.executable.folder,
    KUBECONFIG: kubeconfig,
    AWS_ENDPOINT_URL: awsEndpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
});
afterAll(async () => {
  // The started process forwards the signal to the operator.
  await operator?.end('SIGTERM');
  await sandbox?.stop();
});

const kon = (line: string): Promise<Finished> => sandbox.executable.run(line.split(' ').slice(1), { env });

/** Returns the commands in the first shell block after a heading of a page, without comments. */
async function documented(page: string, heading: string): Promise<readonly string[]> {
  const text = `\n${await readFile(join(root, page), 'utf8')}`;
  const block = text.slice(text.indexOf(`\n${heading}\n`)).match(/```sh\n([\s\S]*?)```/)?.[1] ?? '';
  return block
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, ''))
    .filter((line) => line.startsWith('kon '));
}

/** Runs a command on a pseudo-terminal and answers its question with yes. */
async function answering(line: string): Promise<{ readonly code: number | null; readonly screen: string }> {
  const command = [...sandbox.executable.kon, ...line.split(' ').slice(1)].join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...env, TERM: 'dumb' } });
  let screen = '';
  let said = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    if (said || !screen.includes('[y/N]')) return;
    said = true;
    child.stdin.write('y\n');
  });
  const code = await new Promise<number | null>((done, fail) =>
    child.once('error', fail).once('close', done),
  );
  return { code, screen };
}

const everything = async (): Promise<readonly string[]> => {
  const { client } = sandbox;
  const kinds = [
    resources.customResourceDefinitions,
    resources.clusterRoles,
    resources.clusterRoleBindings,
    resources.validatingAdmissionPolicies,
    resources.validatingAdmissionPolicyBindings,
    resources.namespaces,
    resources.deployments,
    resources.serviceAccounts,
    resources.roles,
    resources.roleBindings,
  ];
  const lists = await Promise.all(
    kinds.map(async (kind) =>
      (await client.list<KubeObject>(kind)).items.map((item) => ({ kind: kind.kind, item })),
    ),
  );
  return (
    lists
      .flat()
      // The cluster creates a `default` ServiceAccount in each namespace, with a delay.
      .filter(({ kind, item }) => kind !== 'ServiceAccount' || item.metadata.name !== 'default')
      .map(
        ({ kind, item: { metadata } }) =>
          `${kind} ${metadata.namespace ?? ''}/${metadata.name} ${metadata.uid} ${metadata.generation ?? ''}`,
      )
      .toSorted()
  );
};
const ours = (lines: readonly string[]): readonly string[] =>
  lines.filter((line) => /k11n|konstellation/.test(line));

const providers = async (): Promise<readonly string[]> =>
  (
    (await sandbox.aws.iam.send(new ListOpenIDConnectProvidersCommand({}))).OpenIDConnectProviderList ?? []
  ).flatMap(({ Arn }) => Arn ?? []);

let before: readonly string[];

it('on a cluster without Konstellation, kon doctor names the command that installs the CRDs', async () => {
  before = await everything();
  expect(ours(before)).toEqual([]);
  expect(await sandbox.aws.roleNames()).toEqual([]);
  expect(await providers()).toEqual([]);
  const doctor = await kon('kon doctor');
  expect(doctor.code).toBe(1);
  expect(doctor.stdout).toContain('kon crds | kubectl apply');
});

it('kon install --dry-run prints every object in a form that kubectl accepts, and creates no object', async () => {
  const dry = await kon(
    'kon install --target production --target staging --allow-policy arn:aws:iam::aws:policy/AmazonS3* --dry-run',
  );
  expect(dry, dry.stderr).toMatchObject({ code: 0, stderr: '' });
  const printed = parseAllDocuments(dry.stdout).flatMap((each) => (each.toJS() as KubeObject | null) ?? []);
  expect(printed.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(
    expect.arrayContaining([
      'Deployment konstellation',
      'ClusterConfig sandbox',
      'NetworkPolicy konstellation',
    ]),
  );
  for (const text of ['"iam:CreateRole"', '"sts:AssumeRoleWithWebIdentity"', '"ClientIDList"'])
    expect(dry.stdout).toContain(text);
  expect(await everything()).toEqual(before);
  expect(await sandbox.aws.roleNames()).toEqual([]);
  expect(await providers()).toEqual([]);
});

it('the commands in the README install Konstellation, and kon doctor then reports no fault', async () => {
  const [install = '', doctor = '', ...more] = await documented('README.md', '## On a cluster of your own');
  expect(more).toEqual([]);
  expect(await documented('docs/guides/install.md', '# Install and uninstall')).toEqual([install]);
  const installing = answering(install);
  operator = await runAsPod(sandbox);
  const { code, screen } = await installing;
  expect(code, screen).toBe(0);
  expect(screen).toContain('konstellation installed');
  expect(await providers()).toHaveLength(1);
  const report = await kon(doctor);
  expect(report, report.stdout).toMatchObject({ code: 0 });
  expect(report.stdout).not.toContain('×');
  expect(await sandbox.aws.roleNames()).toEqual([expect.stringMatching(/^konstellation-operator-sandbox-/)]);
});

it('the installed operator gives a pod the permissions of its account', async () => {
  const account = await kon(`kon account create hello-s3 --policy ${policies.readOnly}`);
  expect(account, account.stderr).toMatchObject({ code: 0 });
  const app = await kon('kon app create hello --image nginx:1 --account hello-s3 --target production');
  expect(app, app.stderr).toMatchObject({ code: 0 });
  const probe = join(dirname(sandbox.executable.kon[1] ?? ''), 's3-probe.js');
  const inPod = (...args: readonly string[]): Promise<Finished> =>
    sandbox.kon(
      ['sandbox', 'exec', '-n', 'production', 'deploy/hello', '--', process.execPath, probe, ...args],
      inSandbox(sandbox.description),
    );
  expect((await inPod('whoami')).stdout).toMatch(/:assumed-role\/kon-sandbox-hello-s3-/);
  expect((await inPod('list')).code).toBe(0);
  expect((await inPod('create', 'forbidden')).stdout).toContain('AccessDenied');
});

it('kon install changes nothing when it runs again', async () => {
  const position = await sandbox.aws.position();
  const made = await everything();
  const again = await kon('kon install --target production --target staging --yes');
  expect(again, again.stderr).toMatchObject({ code: 0, stdout: 'konstellation unchanged\n' });
  expect(await everything()).toEqual(made);
  expect((await sandbox.aws.journal(position)).filter(({ changed }) => changed)).toEqual([]);
});

it('the commands in the guide uninstall Konstellation, and leave nothing in the cluster or IAM', async () => {
  const [refused = '', removing = ''] = await documented('docs/guides/install.md', '## Uninstall');
  expect(await kon(`${refused} --yes`)).toMatchObject({ code: 1, stderr: expect.stringContaining('hello') });
  expect((await kon('kon app delete hello --yes')).code).toBe(0);
  // Accounts are not deleted while pods use them. The garbage collector deletes the app's pods only after a moment.
  await eventually('the pods of the app to end', async () => {
    const { items } = await sandbox.client.list<KubeObject>(resources.pods, {
      labelSelector: 'k11n.dev/app=hello',
    });
    return items.every(({ metadata }) => metadata.deletionTimestamp !== undefined) ? true : undefined;
  });
  const { code, screen } = await answering(removing);
  expect(code, screen).toBe(0);
  expect(screen).toContain('konstellation uninstalled');
  expect(screen).not.toContain('stays');
  expect(await sandbox.aws.roleNames()).toEqual([]);
  expect(await providers()).toEqual([]);
  expect(ours(await everything())).toEqual([]);
  await expect(
    sandbox.aws.iam.send(
      new GetOpenIDConnectProviderCommand({
        OpenIDConnectProviderArn: `arn:aws:iam::${sandbox.description.accountId}:oidc-provider/${sandbox.description.issuer.slice('https://'.length)}`,
      }),
    ),
  ).rejects.toMatchObject({ name: 'NoSuchEntityException' });
});
