/**
 * The migration guides, word for word, in a complete sandbox with the shipped permissions of the operator: a role as
 * another tool left it, a running pod, and a prober that exchanges the pod's tokens during every command. Other tools'
 * programs do not run here, so the guides' commands for these tools change nothing in IAM or the cluster. The exception
 * is the commands for ACK: kubectl runs them on ACK's kinds, without ACK's controllers.
 */
import {
  CreatePodIdentityAssociationCommand,
  DescribePodIdentityAssociationCommand,
  EKSClient,
  type PodIdentityAssociation,
} from '@aws-sdk/client-eks';
import { AttachRolePolicyCommand, CreateRoleCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../scripts/find-program.ts';
import { accountLabel, linkedServiceAccounts, type LinkedServiceAccount } from '../../src/api/index.ts';
import { isConditionTrue } from '../../src/k8s/conditions.ts';
import { resources, type KubeObject } from '../../src/kube/index.ts';
import { eventually } from '../support/eventually.ts';
import { awaitObjects } from '../../sandbox/src/tour/await-object.ts';
import { ackCrds } from '../support/ack-crds.ts';
import { roleNameOf, type RoleSnapshot } from '../support/emulator.ts';
import { codeBlocks, createShell, type CodeBlock, type Shell } from '../support/guide.ts';
import {
  createPerson,
  policies,
  roleArnOf,
  roleOf,
  uidsOf,
  type Person,
  type Pod,
} from '../support/person.ts';
import {
  createProbers,
  type Credentials,
  type Failure,
  type Prober,
  type Probers,
} from '../support/prober.ts';
import { startSandbox, type TestSandbox } from '../support/sandbox.ts';

const general = 'docs/guides/migrate.md';
const never = new AbortController().signal;
const namespace = 'production';
const name = 'payments';

let sandbox: TestSandbox;
let person: Person;
let probers: Probers;
let shell: Shell;
let s3: S3Client;
let eks: EKSClient;
const kubectl = async (args: readonly string[], input = ''): Promise<string> => {
  const pending = promisify(execFile)('kubectl', args, {
    env: { ...sandbox.env, HOME: sandbox.executable.folder },
  });
  pending.child.stdin?.end(input);
  return (await pending).stdout;
};

/** Starts a sandbox whose AWS account has the bucket from the examples. */
async function start(): Promise<void> {
  sandbox = await startSandbox();
  person = createPerson(sandbox.client);
  probers = createProbers(sandbox);
  shell = await createShell(sandbox);
  const { awsEndpoint: endpoint, region, credentials } = sandbox.description;
  s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  eks = new EKSClient({ endpoint, region, credentials });
  await s3.send(new CreateBucketCommand({ Bucket: 'orders' }));
  await s3.send(new PutObjectCommand({ Bucket: 'orders', Key: '2027/1.json', Body: '{}' }));
}
async function stop(): Promise<void> {
  await probers?.close();
  s3?.destroy();
  eks?.destroy();
  await sandbox?.stop();
}

/** Actions that the app performs with its credentials. */
const uses = (command: 'read' | 'write') => async (credentials: Credentials) => {
  const { awsEndpoint: endpoint, region } = sandbox.description;
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const object = { Bucket: 'orders', Key: '2027/1.json' };
  try {
    await client.send(new GetObjectCommand(object));
    if (command === 'write') await client.send(new PutObjectCommand({ ...object, Body: '{}' }));
  } finally {
    client.destroy();
  }
};

/** Returns the trust policy of an IRSA role as eksctl, the Terraform modules and the EKS guide write it. */
const trustOfIrsa = (...namespaces: readonly string[]): string => {
  const host = sandbox.description.issuer.slice('https://'.length);
  const subjects = namespaces.map((each) => `system:serviceaccount:${each}:${name}`);
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['sts:AssumeRoleWithWebIdentity'],
        Principal: { Federated: `arn:aws:iam::${sandbox.description.accountId}:oidc-provider/${host}` },
        Condition: { StringEquals: { [`${host}:aud`]: 'sts.amazonaws.com', [`${host}:sub`]: subjects } },
      },
    ],
  });
};

/** @returns the ARN of the role */
async function createRole(of: {
  readonly RoleName: string;
  readonly Path?: string;
  readonly trust: string;
  readonly tags: Readonly<Record<string, string>>;
}): Promise<string> {
  const { iam } = sandbox.aws;
  const { RoleName, Path } = of;
  const { Role: role } = await iam.send(
    new CreateRoleCommand({
      RoleName,
      ...(Path === undefined ? {} : { Path }),
      AssumeRolePolicyDocument: of.trust,
      Tags: Object.entries(of.tags).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
  await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: policies.readOnly }));
  return role?.Arn ?? '';
}

async function createServiceAccount(
  target: string,
  metadata: { readonly annotations?: Record<string, string>; readonly labels?: Record<string, string> },
  fieldManager: string,
): Promise<void> {
  await sandbox.client.create<KubeObject>(
    resources.serviceAccounts,
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: target, name, ...metadata } },
    { fieldManager },
  );
}

/**
 * Creates a Deployment, and waits for its running pod.
 *
 * @param hasIdentity whether the webhook has injected the identity of the ServiceAccount
 */
async function createApp(target: string, hasIdentity: (pod: Pod) => boolean): Promise<void> {
  const { client } = sandbox;
  const labels = { app: name };
  const spec = {
    serviceAccountName: name,
    containers: [{ name: 'main', image: 'registry.example.com/payments' }],
  };
  const metadata = { namespace: target, name };
  await eventually('the webhook knows the identity', async () => {
    const object = { apiVersion: 'v1', kind: 'Pod', metadata, spec } as Pod;
    const pod = await client.create<Pod>(resources.pods, object, { dryRun: true });
    return hasIdentity(pod) || undefined;
  });
  await client.create<KubeObject>(resources.deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  } as KubeObject);
  await awaitObjects<Pod, true>(
    client,
    resources.pods,
    { namespace: target, labelSelector: `app=${name}` },
    `a running pod in ${target}`,
    (pods) => (pods.some(({ status }) => status?.phase === 'Running') ? true : undefined),
    never,
  );
}

const isByRole = (pod: Pod): boolean => roleOf(pod) !== undefined;
const isByAgent = ({ spec }: Pod): boolean =>
  spec.containers.every(({ env = [] }) =>
    env.some((each) => each.name === 'AWS_CONTAINER_CREDENTIALS_FULL_URI'),
  );

const podsOf = async (target: string): Promise<readonly Pod[]> =>
  (await sandbox.client.list<Pod>(resources.pods, { namespace: target, labelSelector: `app=${name}` })).items;

/** Whether the block runs another tool's program, which no test runs. */
const isOfOtherTool = ({ text }: CodeBlock): boolean =>
  text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^[A-Z_]+=\S*$/.test(line))
    .every((line) => /^(?:aws cloudformation|eksctl|terraform|jq) /.test(line));

/** Returns the distinct failures, as text that a failed assertion prints in full. */
const distinct = (failures: readonly Failure[]): readonly string[] => [
  ...new Set(failures.map(({ what }) => what)),
];

/**
 * Runs the commands of a section of a page. Each block has to succeed, and the prober continues during and after each
 * block.
 */
async function follow(page: string, heading: string, prober: Prober): Promise<string> {
  const blocks = (await codeBlocks(page)).filter(
    (block) => block.heading === heading && block.language === 'sh' && !isOfOtherTool(block),
  );
  expect(blocks.length, `${page}: ${heading}`).toBeGreaterThan(0);
  let output = '';
  for (const { text } of blocks) {
    const { code, stdout, stderr } = await shell(text);
    expect(code, `${stdout}\n${stderr}\n${text}`).toBe(0);
    output += `${stdout}${stderr}`;
    expect(distinct(await prober.untilProbed()), text).toEqual([]);
  }
  return output;
}

async function account(): Promise<LinkedServiceAccount> {
  return sandbox.client.get<LinkedServiceAccount>(linkedServiceAccounts, { name });
}

/** Returns those properties of a role that neither the migration nor its reversal changes. */
const kept = ({
  arn,
  id,
  path,
  attached,
  inline,
  description,
  maxSessionDuration,
}: RoleSnapshot): object => ({
  arn,
  id,
  path,
  attached,
  inline,
  description,
  maxSessionDuration,
});

const sections = (blocks: readonly CodeBlock[]): ReadonlySet<string> =>
  new Set(
    blocks.filter((block) => block.language === 'sh' && !isOfOtherTool(block)).map(({ heading }) => heading),
  );

describe('the guide for eksctl', () => {
  const page = 'docs/guides/migrate-eksctl.md';
  const role = 'eksctl-sandbox-addon-iamserviceaccount-pro-Role1-qtMhmT9hKiR8';
  let prober: Prober;
  let before: RoleSnapshot | undefined;
  let pods: readonly Pod[];

  beforeAll(async () => {
    await start();
    const arn = await createRole({
      RoleName: role,
      trust: trustOfIrsa(namespace),
      tags: {
        'alpha.eksctl.io/cluster-name': 'sandbox',
        'alpha.eksctl.io/eksctl-version': '0.216.0',
        'alpha.eksctl.io/iamserviceaccount-name': 'production/payments',
        'eksctl.cluster.k8s.io/v1alpha1/cluster-name': 'sandbox',
      },
    });
    await createServiceAccount(
      namespace,
      {
        annotations: { 'eks.amazonaws.com/role-arn': arn },
        labels: { 'app.kubernetes.io/managed-by': 'eksctl' },
      },
      'eksctl',
    );
    await createApp(namespace, isByRole);
    before = await sandbox.aws.role(role);
    pods = await podsOf(namespace);
    expect(pods.map(roleOf)).toEqual([arn]);
    prober = probers.probe([name], uses('read'));
    await prober.untilProbed();
  });
  afterAll(stop);

  it('has no commands outside of the sections that these tests follow', async () => {
    expect([...sections(await codeBlocks(page))]).toEqual(['Look at the role', 'Move', 'Check', 'Go back']);
  });

  it('previews the account and the change of the ServiceAccount, and changes nothing', async () => {
    const output = await follow(page, 'Look at the role', prober);
    expect(output).toContain(`roleName: ${role}`);
    expect(output).toContain('will get a label that hands it over to the account');
    expect(await sandbox.aws.role(role)).toEqual(before);
  });

  it('moves the role to an account that is ready, and the pod neither restarts nor loses access', async () => {
    await follow(page, 'Move', prober);
    const { spec, status } = await account();
    expect(isConditionTrue(status?.conditions, 'Ready')).toBe(true);
    expect(spec).toMatchObject({
      targets: [namespace],
      deletionPolicy: 'Retain',
      aws: { policyNames: ['aws/AmazonS3ReadOnlyAccess'], roleName: role, adopt: true },
    });
    const after = await sandbox.aws.role(role);
    expect(after && kept(after)).toEqual(before && kept(before));
    expect(after?.tags).toMatchObject({ ...before?.tags, 'k11n.dev/account': name });
    const serviceAccount = await person.serviceAccount(namespace, name);
    expect(roleArnOf(serviceAccount)).toBe(before?.arn);
    expect(serviceAccount?.metadata.labels).toEqual({ [accountLabel]: name });
    expect(uidsOf(await podsOf(namespace))).toEqual(uidsOf(pods));
  });

  it('checks that the pods can assume the role and still have their permissions', async () => {
    const output = await follow(page, 'Check', prober);
    expect(output).toMatch(/proven/i);
    expect(output).toContain('yes: the account payments allows s3:GetObject');
  });

  it('restores the role and the ServiceAccount that eksctl created, while the pod runs', async () => {
    await follow(page, 'Go back', prober);
    await person.untilAccountGone(name);
    const after = await sandbox.aws.role(role);
    expect(after && { ...kept(after), tags: after.tags }).toEqual(
      before && { ...kept(before), tags: before.tags },
    );
    const serviceAccount = await person.serviceAccount(namespace, name);
    expect(serviceAccount?.metadata.labels).toEqual({ 'app.kubernetes.io/managed-by': 'eksctl' });
    expect(roleArnOf(serviceAccount)).toBe(before?.arn);
    expect(uidsOf(await podsOf(namespace))).toEqual(uidsOf(pods));
    await prober.untilProbed();
    const { failures, rounds } = await prober.stop();
    expect(distinct(failures)).toEqual([]);
    expect(rounds).toBeGreaterThan(10);
  });
});

describe('the guide for Terraform', () => {
  const page = 'docs/guides/migrate-terraform.md';
  const role = 'payments-irsa';
  let prober: Prober;
  let before: RoleSnapshot | undefined;
  let pods: readonly Pod[];

  beforeAll(async () => {
    await start();
    const arn = await createRole({
      RoleName: role,
      Path: '/teams/',
      trust: trustOfIrsa('production', 'staging'),
      tags: { team: 'payments' },
    });
    const orders = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:PutObject', Resource: 'arn:aws:s3:::orders/*' }],
    };
    await sandbox.aws.iam.send(
      new PutRolePolicyCommand({
        RoleName: role,
        PolicyName: 'orders',
        PolicyDocument: JSON.stringify(orders),
      }),
    );
    for (const target of ['production', 'staging']) {
      await createServiceAccount(target, { annotations: { 'eks.amazonaws.com/role-arn': arn } }, 'Terraform');
      await createApp(target, isByRole);
    }
    before = await sandbox.aws.role(role);
    pods = [...(await podsOf('production')), ...(await podsOf('staging'))];
    expect(pods.map(roleOf)).toEqual([arn, arn]);
    prober = probers.probe([name], uses('write'));
    await prober.untilProbed();
  });
  afterAll(stop);

  it('has no commands outside of the sections that these tests follow', async () => {
    expect([...sections(await codeBlocks(page))]).toEqual(['Look at the role', 'Move', 'Check', 'Go back']);
  });

  it('has Terraform blocks that hclfmt leaves unchanged', async () => {
    const blocks = (await codeBlocks(page)).filter(({ language }) => language === 'hcl');
    expect(blocks).toHaveLength(2);
    const hclfmt = await findProgram('hclfmt');
    for (const { text } of blocks) {
      const file = join(sandbox.executable.folder, 'block.tf');
      await writeFile(file, text);
      expect((await promisify(execFile)(hclfmt, ['-check', file])).stdout).toBe(text);
    }
  });

  it('replaces the inline policy by a managed policy, and the pods keep their write access throughout', async () => {
    const output = await follow(page, 'Look at the role', prober);
    expect(output).toContain('The inline policy orders stays on the role');
    await follow(general, 'Inline policies', prober);
    const { inline, attached } = (await sandbox.aws.role(role)) ?? {};
    expect(inline).toEqual([]);
    expect(attached).toContain(`arn:aws:iam::${sandbox.description.accountId}:policy/payments-orders`);
  });

  it('imports a role that has a path and is used in two targets, and the new account becomes Ready', async () => {
    await follow(page, 'Move', prober);
    const { spec, status } = await account();
    expect(isConditionTrue(status?.conditions, 'Ready')).toBe(true);
    expect(spec).toMatchObject({
      targets: ['production', 'staging'],
      aws: { policyNames: ['account/payments-orders', 'aws/AmazonS3ReadOnlyAccess'], roleName: role },
    });
    expect(status?.roleArn).toBe(before?.arn);
    expect(await follow(page, 'Check', prober)).toContain('yes: the account payments allows s3:PutObject');
  });

  it('moves the role back to Terraform while the pods run', async () => {
    await follow(page, 'Go back', prober);
    await person.untilAccountGone(name);
    const after = await sandbox.aws.role(role);
    expect(after).toMatchObject({ arn: before?.arn, id: before?.id, tags: before?.tags });
    expect(after?.attached).toHaveLength(2);
    expect(uidsOf([...(await podsOf('production')), ...(await podsOf('staging'))])).toEqual(uidsOf(pods));
    await prober.untilProbed();
    expect(distinct((await prober.stop()).failures)).toEqual([]);
  });
});

describe('the guide for ACK', () => {
  const page = 'docs/guides/migrate-ack.md';
  const role = 'payments-ack';
  let prober: Prober;
  let before: RoleSnapshot | undefined;
  let pods: readonly Pod[];

  beforeAll(async () => {
    await start();
    const trust = trustOfIrsa(namespace);
    const arn = await createRole({
      RoleName: role,
      trust,
      tags: {
        'services.k8s.aws/controller-version': 'iam-1.6.0',
        'services.k8s.aws/namespace': namespace,
      },
    });
    await kubectl(['create', '-f', '-'], JSON.stringify(ackCrds));
    await kubectl(['wait', '--for=condition=Established', 'crd/roles.iam.services.k8s.aws']);
    await kubectl([
      'wait',
      '--for=condition=Established',
      'crd/podidentityassociations.eks.services.k8s.aws',
    ]);
    const metadata = { namespace, name };
    const objects = [
      {
        apiVersion: 'iam.services.k8s.aws/v1alpha1',
        kind: 'Role',
        metadata,
        spec: { name: role, policies: [policies.readOnly], assumeRolePolicyDocument: trust },
      },
      {
        apiVersion: 'eks.services.k8s.aws/v1alpha1',
        kind: 'PodIdentityAssociation',
        metadata,
        spec: { clusterName: 'sandbox', namespace, serviceAccount: name, roleRef: { from: { name } } },
      },
    ];
    for (const object of objects) await kubectl(['create', '-f', '-'], JSON.stringify(object));
    await createServiceAccount(
      namespace,
      { annotations: { 'eks.amazonaws.com/role-arn': arn } },
      'kubectl-client-side-apply',
    );
    await createApp(namespace, isByRole);
    before = await sandbox.aws.role(role);
    pods = await podsOf(namespace);
    prober = probers.probe([name], uses('read'));
    await prober.untilProbed();
  });
  afterAll(stop);

  it('has no commands outside of the sections that these tests follow', async () => {
    expect([...sections(await codeBlocks(page))]).toEqual([
      'Take the role out of ACK',
      'Look at the role',
      'Move',
      'Check',
      'Go back',
    ]);
  });

  it('deletes the ACK objects after annotating them, so that the AWS resources remain', async () => {
    const output = await follow(page, 'Take the role out of ACK', prober);
    expect(output).toContain('role.iam.services.k8s.aws/payments annotated');
    expect(output).toContain('podidentityassociation.eks.services.k8s.aws/payments annotated');
    expect(await kubectl(['get', 'roles.iam.services.k8s.aws', '-A', '-o', 'name'])).toBe('');
    expect(await sandbox.aws.role(role)).toEqual(before);
  });

  it('moves the role to an account that is ready, and the pod neither restarts nor loses access', async () => {
    await follow(page, 'Look at the role', prober);
    await follow(page, 'Move', prober);
    expect(isConditionTrue((await account()).status?.conditions, 'Ready')).toBe(true);
    expect(await follow(page, 'Check', prober)).toContain('yes: the account payments allows s3:GetObject');
    expect(uidsOf(await podsOf(namespace))).toEqual(uidsOf(pods));
  });

  it('moves the role back to ACK while the pod runs, and the ACK manifest names the role', async () => {
    await follow(page, 'Go back', prober);
    await person.untilAccountGone(name);
    const after = await sandbox.aws.role(role);
    expect(after && { ...kept(after), tags: after.tags }).toEqual(
      before && { ...kept(before), tags: before.tags },
    );
    const [manifest] = (await codeBlocks(page)).filter(({ language }) => language === 'yaml');
    expect(await kubectl(['apply', '-f', '-'], manifest?.text)).toContain('payments created');
    const applied = JSON.parse(
      await kubectl(['get', 'roles.iam.services.k8s.aws', '-n', namespace, name, '-o', 'json']),
    ) as { spec: { name: string; assumeRolePolicyDocument: string } };
    expect(applied.spec.name).toBe(role);
    expect(JSON.parse(applied.spec.assumeRolePolicyDocument)).toHaveProperty('Statement.0.Condition');
    await prober.untilProbed();
    expect(distinct((await prober.stop()).failures)).toEqual([]);
  });
});

describe('an EKS Pod Identity association of another tool', () => {
  const trust = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'pods.eks.amazonaws.com' },
        Action: ['sts:AssumeRole', 'sts:TagSession'],
      },
    ],
  });
  let prober: Prober;
  let oldRole: string;
  let associationId: string | undefined;
  let before: RoleSnapshot | undefined;

  const read = async (): Promise<PodIdentityAssociation | undefined> => {
    const { association } = await eks.send(
      new DescribePodIdentityAssociationCommand({ clusterName: sandbox.description.name, associationId }),
    );
    return association;
  };

  beforeAll(async () => {
    await start();
    oldRole = await createRole({ RoleName: 'eksctl-payments', trust, tags: {} });
    const { association } = await eks.send(
      new CreatePodIdentityAssociationCommand({
        clusterName: sandbox.description.name,
        namespace,
        serviceAccount: name,
        roleArn: oldRole,
        tags: { 'alpha.eksctl.io/podidentityassociation-name': 'production/payments' },
      }),
    );
    ({ associationId } = association ?? {});
    before = await sandbox.aws.role(roleNameOf(oldRole));
    await createServiceAccount(namespace, {}, 'kubectl-create');
    await createApp(namespace, isByAgent);
    prober = probers.probe([name], uses('read'));
    await prober.untilProbed();
  });
  afterAll(stop);

  it('is covered by a guide whose commands are all in the sections that these tests run', async () => {
    expect([...sections(await codeBlocks(general))]).toEqual([
      'Inline policies',
      'Hand an association over',
      'Delete the old role',
      'Hand an association back',
    ]);
  });

  it('becomes the association of the account without being deleted, and no exchange fails', async () => {
    await follow(general, 'Hand an association over', prober);
    const { status } = await account();
    expect(isConditionTrue(status?.conditions, 'Ready')).toBe(true);
    expect(status?.roleArn).not.toBe(oldRole);
    expect(await read()).toMatchObject({
      roleArn: status?.roleArn,
      tags: {
        'k11n.dev/account': name,
        'alpha.eksctl.io/podidentityassociation-name': 'production/payments',
      },
    });
    expect(await sandbox.aws.role(roleNameOf(oldRole))).toEqual(before);
  });

  it('provides the credentials of restarted pods, so that the old role can be deleted', async () => {
    const pods = await podsOf(namespace);
    await follow(general, 'Delete the old role', prober);
    const names = pods.map(({ metadata }) => metadata.name);
    const left = (await podsOf(namespace)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    expect(left.filter(({ metadata }) => names.includes(metadata.name))).toEqual([]);
  });

  it('gets the old role back and loses the tags of the account when a user hands the association back', async () => {
    await follow(general, 'Hand an association back', prober);
    expect(await read()).toMatchObject({
      roleArn: oldRole,
      tags: { 'alpha.eksctl.io/podidentityassociation-name': 'production/payments' },
    });
    expect(Object.keys((await read())?.tags ?? {}).filter((key) => key.startsWith('k11n.dev/'))).toEqual([]);
    expect(distinct((await prober.stop()).failures)).toEqual([]);
  });
});
