/**
 * `kon install` and `kon uninstall`, from an empty cluster to a working operator. The operator has only what the
 * installation creates: the permissions of its ServiceAccount and the policy of its role, confined by the admission
 * policies.
 */
import {
  CreateRoleCommand,
  DeleteRoleCommand,
  GetOpenIDConnectProviderCommand,
  GetRoleCommand,
  ListAttachedRolePoliciesCommand,
  ListRolesCommand,
} from '@aws-sdk/client-iam';
import { EKSClient, ListPodIdentityAssociationsCommand } from '@aws-sdk/client-eks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schemaVersion } from '../../../src/api/index.ts';
import { parseAllDocuments } from 'yaml';
import { accountId, clusterArn, region, startAwsCluster, type AwsCluster } from './aws-cluster.ts';
import { createEksAuthClient } from '../../../src/eks-auth/client.ts';
import { createKubeClient, loadConnection } from '../../../src/kube/index.ts';
import { argoCdCrd } from '../../support/argo-cd-crd.ts';
import { eventually } from '../../support/eventually.ts';
import { startWebhook } from '../apps/parts.ts';
import type { Result, Running } from './kon.ts';
import { monotonicClock } from '../../../src/k8s/testing/clocks.ts';

/** Options that limit what the operator of a new installation may do. */
const limited = ['--allow-policy', 'arn:aws:iam::aws:policy/Amazon*'];
const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

let world: AwsCluster;
let operator: Running | undefined;
let eks: EKSClient;
const kon = (...args: string[]): Promise<Result> => world.kon.run(args);
const kubectl = (...args: string[]): Promise<string> => world.cluster.kubectl(args);
const providerArn = (): string =>
  `arn:aws:iam::${accountId}:oidc-provider/${world.cluster.issuer.slice('https://'.length)}`;
const roleNames = async (): Promise<readonly string[]> =>
  ((await world.iam.send(new ListRolesCommand({}))).Roles ?? []).map(({ RoleName = '' }) => RoleName);

/** Finalizes an empty namespace, as the namespace controller does. */
const finishNamespace = (name: string): Promise<string> =>
  world.cluster.kubectl(
    ['replace', '--raw', `/api/v1/namespaces/${name}/finalize`, '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: { finalizers: [] } }),
  );

/** Returns the client settings for the EKS APIs, which agents on the nodes call in a real cluster. */
const inAws = (): ConstructorParameters<typeof EKSClient>[0] & { readonly region: string } => {
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = world.kon.env;
  return { endpoint: world.aws.url, region, credentials: { accessKeyId, secretAccessKey } };
};

beforeAll(async () => {
  world = await startAwsCluster({ provider: false, crds: false });
  eks = new EKSClient(inAws());
});

afterAll(async () => {
  operator?.stop();
  await operator?.finished;
  eks?.destroy();
  await world?.stop();
});

/**
 * Starts an operator in place of the pod that a Deployment would have created, with the same ServiceAccount and token.
 */
async function startOperator(role: string): Promise<Running> {
  const token = (audience?: string): Promise<string> =>
    kubectl(
      'create',
      'token',
      '-n',
      'konstellation',
      'konstellation',
      ...(audience ? ['--audience', audience] : []),
    );
  const webIdentity = await world.kon.file('web-identity', await token('sts.amazonaws.com'));
  const kubeconfig = await world.kon.file(
    'operator.kubeconfig',
    JSON.stringify({
      'current-context': 'o',
      contexts: [{ name: 'o', context: { cluster: 'o', user: 'o' } }],
      clusters: [
        {
          name: 'o',
          cluster: {
            server: world.cluster.server,
            'certificate-authority-data': Buffer.from(world.cluster.caCertificate).toString('base64'),
          },
        },
      ],
      users: [{ name: 'o', user: { token: (await token()).trim() } }],
    }),
  );
  return world.kon.start(
    ['operator', '--require-admission', '--lease-namespace', 'konstellation', '--log-format', 'json'],
    {
      env: {
        KUBECONFIG: kubeconfig,
        AWS_ACCESS_KEY_ID: '',
        AWS_SECRET_ACCESS_KEY: '',
        AWS_ROLE_ARN: `arn:aws:iam::${accountId}:role/${role}`,
        AWS_WEB_IDENTITY_TOKEN_FILE: webIdentity,
      },
    },
  );
}

type Installed = {
  readonly cluster: { readonly clusterArn: string };
  readonly iam: { readonly role: { readonly name: string; readonly policies: object } };
  readonly kubernetes: readonly { readonly kind: string }[];
};

describe('kon install', () => {
  it('changes nothing in a dry run, and prints all objects in the format of kubectl or of Terraform', async () => {
    const yaml = await kon('install', '--target', 'production', ...limited, '--dry-run');
    expect(yaml).toMatchObject({ code: 0, stderr: '' });
    const documents = parseAllDocuments(yaml.stdout).map((each) => each.toJS() as { kind: string } | null);
    expect(documents.flatMap((each) => (each ? [each.kind] : []))).toEqual(
      expect.arrayContaining([
        'CustomResourceDefinition',
        'Namespace',
        'ClusterRole',
        'Deployment',
        'ClusterConfig',
      ]),
    );
    expect(yaml.stdout).toContain(`# IAM OIDC provider ${providerArn()}\n`);
    const json = await kon('install', '--target', 'production', ...limited, '--dry-run', '-o', 'json');
    const { cluster, iam } = JSON.parse(json.stdout) as Installed;
    expect(cluster.clusterArn).toBe(clusterArn);
    expect(Object.keys(iam.role.policies)).toEqual(['konstellation-operator']);
    expect(await roleNames()).toEqual([]);
    expect(await kubectl('get', 'crd,namespace', '-o', 'name')).not.toMatch(/k11n|konstellation/);
  });

  it.each([
    ['no limit', []],
    ['a boundary that limits nothing', ['--boundary', 'arn:aws:iam::aws:policy/AdministratorAccess']],
    ['a pattern for every policy', ['--allow-policy', '*']],
    [
      'an administrator policy among others',
      ['--allow-policy', 'arn:aws:iam::aws:policy/Amazon*', '--allow-policy', '*/IAMFull*'],
    ],
  ])('refuses %s for the operator unless the user passes --unbounded', async (_what, args) => {
    const refused = await kon('install', '--target', 'production', '--yes', ...args);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('nothing limits what the operator can grant: ');
    expect(refused.stderr).toContain(
      'control the AWS account: whoever has them can create a role with arn:aws:iam::aws:policy/',
    );
    for (const way of ['--boundary ARN', '--allow-policy ', '--unbounded'])
      expect(refused.stderr).toContain(way);
    expect(await roleNames()).toEqual([]);
    const accepted = await kon('install', '--target', 'production', '--dry-run', '--unbounded', ...args);
    expect(accepted).toMatchObject({ code: 0 });
    expect(accepted.stderr).toMatch(/^Warning: the operator's AWS credentials control the AWS account/);
  });

  it.each([
    ['--boundary', 'AdministratorAccess', 'is not the ARN of a managed policy'],
    ['--operator-boundary', 'arn:aws:iam::123456789012:role/x', 'is not the ARN of a managed policy'],
    ['--operator-role-path', 'platform', 'is not an IAM role path'],
    [
      '--operator-role-path',
      '/konstellation/main/operator/',
      "operator's own role cannot be under /konstellation/main/",
    ],
    ['--operator-role-tag', 'cost', 'is not a tag'],
    ['--operator-role-tag', 'K11N.dev/cluster=x', 'are reserved'],
    ['--operator-role-tag', 'Kubernetes-Namespace=x', 'are reserved'],
    ['--image', 'ghcr.io/k11n/konstellation@sha256:1', 'is not an image name'],
  ])('refuses %s %s', async (option, value, why) => {
    const refused = await kon('install', '--dry-run', ...limited, option, value);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain(why);
  });

  it('requires confirmation, and stops with an error that names the denied call when IAM refuses', async () => {
    expect(await kon('install', ...limited)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    });
    const refused = await world.kon.run(['install', '--yes'], { env: world.nobodyEnv });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('eks:ListClusters in eu-west-1');
    expect(await roleNames()).toEqual([]);
  });

  it('installs everything that the operator needs to reconcile accounts and apps', async () => {
    const result = await kon('install', '--target', 'production', ...limited, '--without-operator', '--yes');
    expect(result.stderr).toContain('EKS cluster main in eu-west-1, AWS account 123456789012\n');
    expect(result).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
    const [role = ''] = await roleNames();
    expect(role).toMatch(/^konstellation-operator-main-/);

    operator = await startOperator(role);
    await operator.until('operator leads');
    await kubectl('wait', '--for=condition=Ready', 'clusterconfig/main', '--timeout=60s');
    const created = await kon('account', 'create', 'first', '--policy', readOnly, '--timeout', '30s');
    expect(created, created.stderr).toMatchObject({ code: 0 });
    // The admission policies are enforced before any other object of the installation exists.
    await kon('app', 'create', 'web', '--image', 'example.com/web', '--tag', '1', '--no-wait');
    await eventually('the Deployment of the app', () =>
      kubectl('get', 'deployment', '-n', 'production', 'web').catch(() => undefined),
    );
    await kubectl('delete', 'app.k11n.dev', 'web');
    expect(
      (
        await kon(
          'account',
          'edit',
          'first',
          '--add-policy',
          'arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess',
        )
      ).code,
    ).toBe(0);
    const report = await kon(
      'doctor',
      '-o',
      'json',
      '--operator-arn',
      `arn:aws:iam::${accountId}:role/${role}`,
    );
    const { checks } = JSON.parse(report.stdout) as {
      checks: { id: string; status: string; message?: string }[];
    };
    expect(checks.filter(({ status }) => status === 'error').map(({ id }) => id)).toEqual(['webhook']);
    expect(checks.find(({ id }) => id === 'operator-permissions')).toMatchObject({ status: 'ok' });
    expect(checks.find(({ id }) => id === 'operator-fence')).toMatchObject({
      status: 'ok',
      message: `arn:aws:iam::${accountId}:role/${role}`,
    });
  });

  it('accepts an existing namespace as a target, and restores its label when the label is lost', async () => {
    await kubectl('create', 'namespace', 'legacy');
    expect((await kon('target', 'create', 'legacy')).code).toBe(0);
    const linked = async (): Promise<true | undefined> => {
      const { status } = JSON.parse(await kubectl('get', 'lsa', 'first', '-o', 'json')) as {
        status?: { targets?: { name: string; proven: boolean }[] };
      };
      return status?.targets?.some(({ name, proven }) => name === 'legacy' && proven) ? true : undefined;
    };
    await eventually('the account to be proven there', linked);
    const labelOf = (): Promise<string> =>
      kubectl('get', 'namespace', 'legacy', '-o', 'jsonpath={.metadata.labels.k11n\\.dev/target}');
    await kubectl('label', 'namespace', 'legacy', 'k11n.dev/target-');
    await eventually('the label to be back', async () => ((await labelOf()) === 'legacy' ? true : undefined));
    // Without the target label, the operator cannot write to the namespace. Once the namespace has the label again, the
    // operator recreates a lost ServiceAccount.
    await kubectl('delete', 'serviceaccount', '-n', 'legacy', 'first');
    await eventually('the ServiceAccount to be back', () =>
      kubectl('get', 'serviceaccount', '-n', 'legacy', 'first', '-o', 'name').catch(() => undefined),
    );
  });

  it('reverts manual changes when it is run again, and changes nothing if there are none', async () => {
    const again = await kon('install', '--without-operator', '--yes');
    expect(again).toMatchObject({ code: 0, stdout: 'konstellation unchanged\n' });
    await kubectl('delete', 'clusterrolebinding', 'konstellation');
    const repaired = await kon('install', '--without-operator', '--yes');
    expect(repaired).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
    expect(repaired.stderr).toContain('  + ClusterRoleBinding konstellation\n');
    expect(repaired.stderr).toContain('  √ ClusterRole konstellation\n');
  });

  it('reports that `kubectl get apps` is ambiguous where Argo CD is installed', async () => {
    await world.cluster.kubectl(['create', '-f', '-'], JSON.stringify(argoCdCrd));
    const again = await kon('install', '--without-operator', '--yes');
    expect(again.stderr).toContain(
      '‼ "kubectl get apps" means two things: apps.k11n.dev and applications.argoproj.io. Use exact names: kubectl get apps.k11n.dev or kapp',
    );
    await kubectl('delete', 'crd', 'applications.argoproj.io');
    expect((await kon('install', '--without-operator', '--yes')).stderr).not.toContain('argoproj');
  });
});

describe('kon install over a later version', () => {
  type Later = {
    readonly metadata: {
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<string, string>>;
    };
    readonly spec: {
      readonly versions: readonly [
        {
          readonly schema: {
            readonly openAPIV3Schema: {
              readonly properties: {
                readonly spec: {
                  readonly properties: { readonly aws: { readonly properties: Record<string, object> } };
                };
              };
            };
          };
        },
      ];
    };
  };
  const crd = 'linkedserviceaccounts.k11n.dev';
  const again = (...args: string[]): Promise<Result> =>
    kon('install', '--without-operator', '--yes', ...args);
  const annotation = (name: string): Promise<string> =>
    kubectl('get', 'crd', crd, '-o', `jsonpath={.metadata.annotations.k11n\\.dev/${name}}`);

  it('removes from a CRD the annotation with which an interrupted uninstallation allowed the deletion of the CRD', async () => {
    await kubectl('annotate', 'crd', crd, 'k11n.dev/allow-deletion=true');
    const result = await again();
    expect(result).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
    expect(result.stderr).toContain(`  ~ CustomResourceDefinition ${crd}\n`);
    expect(await annotation('allow-deletion')).toBe('');
    await expect(kubectl('delete', 'crd', crd)).rejects.toThrow('k11n.dev/allow-deletion=true');
  });

  it('is refused without --downgrade and lists the fields that would be lost, and the operator changes no role of an account with such fields', async () => {
    const { metadata, spec, ...rest } = JSON.parse(await kubectl('get', 'crd', crd, '-o', 'json')) as Later;
    const { properties } = spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.aws;
    properties['futureField'] = { type: 'string' };
    const applyLater = (annotations: object): Promise<string> =>
      world.cluster.kubectl(
        ['apply', '--server-side', '--field-manager=kon-install', '-f', '-'],
        JSON.stringify({ ...rest, metadata: { name: crd, labels: metadata.labels, annotations }, spec }),
      );
    // Keeps the CRD's schema version for now, because an operator that sees a later schema version reconciles no
    // account.
    await applyLater(metadata.annotations);
    // Simulates an operator that is rolled back while the newer CRDs stay: after its start, it lists the accounts with
    // the newer schema.
    operator?.stop();
    await operator?.finished;
    const edit = (aws: object): Promise<string> =>
      kubectl('patch', 'lsa', 'first', '--type=merge', '-p', JSON.stringify({ spec: { aws } }));
    const field = (path: string): Promise<string> =>
      kubectl('get', 'lsa', 'first', '-o', `jsonpath={${path}}`);
    const readyReason = '.status.conditions[?(@.type=="Ready")].reason';
    await eventually('the field to be stored', async () => {
      await edit({ futureField: 'x' });
      return (await field('.spec.aws.futureField')) === 'x' ? true : undefined;
    });
    const roleArn = await field('.status.roleArn');
    const RoleName = roleArn.slice(roleArn.lastIndexOf('/') + 1);
    const attached = async (): Promise<readonly (string | undefined)[]> =>
      ((await world.iam.send(new ListAttachedRolePoliciesCommand({ RoleName }))).AttachedPolicies ?? []).map(
        ({ PolicyArn }) => PolicyArn,
      );
    const policies = await attached();
    await edit({ policyArns: [readOnly] });
    operator = await startOperator(
      (await roleNames()).find((name) => name.startsWith('konstellation-operator-')) ?? '',
    );
    const generation = await field('.metadata.generation');
    await eventually('the edit to be reported as not known', async () =>
      (await field(readyReason)) === 'SpecNewerThanOperator' &&
      (await field('.status.observedGeneration')) === generation
        ? true
        : undefined,
    );
    expect(await field('.status.conditions[?(@.type=="Ready")].message')).toContain('spec.aws.futureField');
    expect(await field('.status.roleArn')).toBe(roleArn);
    expect(await attached()).toEqual(policies);
    expect(policies).toHaveLength(2);

    await applyLater({ ...metadata.annotations, 'k11n.dev/schema-version': '7' });
    await operator.until('operator paused');

    const everything = (): Promise<string> =>
      kubectl('get', 'crd,validatingadmissionpolicy,clusterrole', '-o', 'yaml');
    const before = await everything();
    for (const args of [[], ['--dry-run']]) {
      const refused = await again(...args);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain(`(schema version 7) than this kon (schema version ${schemaVersion})`);
      expect(refused.stderr).toContain('LinkedServiceAccount spec.aws.futureField');
      expect(refused.stderr).toContain('LinkedServiceAccount first: spec.aws.futureField');
      expect(refused.stderr).toContain('kon install --downgrade');
    }
    expect(await everything()).toBe(before);

    const { checks } = JSON.parse((await kon('doctor', '-o', 'json')).stdout) as {
      checks: { id: string; status: string; message?: string; next?: readonly string[] }[];
    };
    expect(checks.find(({ id }) => id === 'crds')).toMatchObject({
      status: 'warning',
      message: `the CRDs (schema version 7) are newer than this kon (schema version ${schemaVersion}); this kon does not know LinkedServiceAccount spec.aws.futureField`,
    });

    const back = await again('--downgrade');
    expect(back, back.stderr).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
    expect(back.stderr).toContain('LinkedServiceAccount first: spec.aws.futureField');
    expect(await annotation('schema-version')).toBe(`${schemaVersion}`);
    expect(await again('--downgrade')).toMatchObject({ code: 0, stdout: 'konstellation unchanged\n' });
    expect(await again()).toMatchObject({ code: 0 });
    expect(await annotation('allow-downgrade')).toBe('');
    // The CRD no longer contains the later version's field, so every write drops the field from the account.
    await eventually('the account to be reconciled again', async () => {
      await kubectl('label', '--overwrite', 'lsa', 'first', `touched=${Date.now()}`);
      return (await field('.spec.aws.futureField')) === '' && (await field(readyReason)) === 'Ready'
        ? true
        : undefined;
    });
    expect(await attached()).toEqual([readOnly]);
  });
});

describe('kon uninstall', () => {
  it('refuses while accounts exist, and with --delete-accounts removes the accounts, their roles and the installation', async () => {
    expect(await kon('uninstall', '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot uninstall while accounts exist (1): first'),
    });
    const had = await kubectl('get', 'crd,clusterrole,lsa', '-o', 'name');
    const planned = await kon('uninstall', '--delete-accounts', '--dry-run');
    expect(planned, planned.stderr).toMatchObject({
      code: 0,
      stdout: 'konstellation uninstalled (dry run)\n',
    });
    for (const text of [
      'account first',
      'IAM role konstellation-operator-main-',
      'ClusterRole konstellation',
      'IAM OIDC provider',
    ])
      expect(planned.stderr).toContain(`- ${text}`);
    expect(await kubectl('get', 'crd,clusterrole,lsa', '-o', 'name')).toBe(had);
    expect(await roleNames()).toHaveLength(2);
    const removing = world.kon.start(['uninstall', '--delete-accounts', '--yes']);
    // No controller in this cluster completes the deletion of the namespace.
    await removing.until(
      'Namespace konstellation: not yet, held up by the finalizer kubernetes (Deleting)\n',
    );
    expect(removing.output()).toBe('');
    await finishNamespace('konstellation');
    const result = await removing.finished;
    expect(result).toMatchObject({ code: 0, stdout: 'konstellation uninstalled\n' });
    expect(result.stderr).toContain('Namespace konstellation: yes, gone (Deleted)\n');
    expect(result.stderr).not.toContain('stays');
    expect(await roleNames()).toEqual([]);
    await expect(
      world.iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: providerArn() })),
    ).rejects.toMatchObject({ name: 'NoSuchEntityException' });
    expect(await kubectl('get', 'crd,namespace', '-o', 'name')).not.toMatch(/k11n|konstellation/);
    expect(await kubectl('get', 'clusterrole,validatingadmissionpolicy', '-o', 'name')).not.toMatch(
      /k11n|konstellation/,
    );
  });
});

describe('kon install with Pod Identity', () => {
  const own = ['--namespace', 'agent'];
  const install = (...args: string[]): Promise<Result> =>
    kon('install', '--identity-mode', 'PodIdentity', '--yes', ...limited, ...own, ...args);

  it('starts no operator where no node runs the Pod Identity agent, and says how to add the agent', async () => {
    const refused = await install();
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('no node has the Pod Identity agent');
    expect(refused.stderr).toContain(
      'aws eks create-addon --addon-name eks-pod-identity-agent --cluster-name main',
    );
    expect(await roleNames()).toEqual([]);
    expect(await kon('install', '--identity-mode', 'PodIdentity', '--self-managed')).toMatchObject({
      code: 2,
    });
  });

  it('prints a Pod Identity association instead of an OIDC provider', async () => {
    const { stdout } = await kon(
      'install',
      '--identity-mode',
      'PodIdentity',
      '--dry-run',
      ...limited,
      '-o',
      'json',
      ...own,
    );
    const { iam, kubernetes } = JSON.parse(stdout) as { iam: object; kubernetes: { kind: string }[] };
    expect(iam).toMatchObject({
      podIdentityAssociation: {
        clusterName: 'main',
        namespace: 'agent',
        serviceAccount: 'konstellation',
        roleArn: expect.stringContaining(':role/konstellation-operator-main-'),
      },
    });
    expect(iam).not.toHaveProperty('oidcProvider');
    expect(kubernetes.find(({ kind }) => kind === 'ServiceAccount')).not.toHaveProperty(
      'metadata.annotations',
    );
    expect(kubernetes.find(({ kind }) => kind === 'ClusterConfig')).toHaveProperty(
      'spec.aws.identityMode',
      'PodIdentity',
    );
    const yaml = await kon('install', '--identity-mode', 'PodIdentity', '--dry-run', ...limited, ...own);
    expect(yaml.stdout).toContain('# EKS Pod Identity association; nodes need the agent');
    expect(yaml.stdout).not.toContain('# IAM OIDC provider');
  });

  it("gives the operator's pods their role without an IAM OIDC provider", async () => {
    await world.cluster.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: 'eks-pod-identity-agent', namespace: 'kube-system' },
        spec: {
          selector: { matchLabels: { app: 'agent' } },
          template: {
            metadata: { labels: { app: 'agent' } },
            spec: { containers: [{ name: 'agent', image: 'agent' }] },
          },
        },
      }),
    );
    const installed = await install('--without-operator', '--target', 'production');
    expect(installed, installed.stderr).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
    expect(installed.stderr).not.toContain('OIDC provider');
    expect(installed.stderr).toContain('+ Pod Identity association agent/konstellation\n');
    await expect(
      world.iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: providerArn() })),
    ).rejects.toMatchObject({ name: 'NoSuchEntityException' });

    await world.cluster.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'operator', namespace: 'agent' },
        spec: { serviceAccountName: 'konstellation', containers: [{ name: 'operator', image: 'operator' }] },
      }),
    );
    const token = await kubectl(
      'create',
      'token',
      'konstellation',
      '--namespace=agent',
      '--audience=pods.eks.amazonaws.com',
      '--bound-object-kind=Pod',
      '--bound-object-name=operator',
    );
    const auth = createEksAuthClient(inAws());
    try {
      const { assumedRoleArn } = await auth.exchange({ clusterName: 'main', token: token.trim() });
      const [role] = await roleNames();
      expect(assumedRoleArn).toContain(`:assumed-role/${role}/`);
    } finally {
      auth.close();
    }
  });

  it("leads to a kon doctor report that names the operator's role and requires no provider", async () => {
    const deployment = (labels: object): object => ({
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { serviceAccountName: 'konstellation', containers: [{ name: 'operator', image: 'operator' }] },
      },
    });
    const labels = { 'app.kubernetes.io/name': 'konstellation' };
    await world.cluster.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'konstellation', namespace: 'agent', labels },
        spec: deployment(labels),
      }),
    );
    // A status as the operator would write it.
    const status = {
      accountId,
      partition: 'aws',
      clusterArn,
      oidcIssuer: world.cluster.issuer,
      oidcProviderArn: providerArn(),
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Ready',
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    };
    await kubectl(
      'patch',
      'clusterconfig',
      'main',
      '--subresource=status',
      '--type=merge',
      `--patch=${JSON.stringify({ status })}`,
    );
    const verdicts = async (): Promise<ReadonlyMap<string, { status: string; message?: string }>> => {
      const { checks } = JSON.parse((await kon('doctor', '-o', 'json')).stdout) as {
        checks: { id: string; status: string; message?: string }[];
      };
      return new Map(checks.map((check) => [check.id, check]));
    };
    const [role] = await roleNames();
    const found = await verdicts();
    expect(found.get('operator-permissions')).toMatchObject({
      status: 'ok',
      message: `arn:aws:iam::${accountId}:role/${role}`,
    });
    expect(found.get('oidc-provider')).toMatchObject({ status: 'ok' });
    expect(found.get('pod-identity-agent')).toMatchObject({
      status: 'ok',
      message: 'kube-system/eks-pod-identity-agent',
    });
    const agentCheck = async (): Promise<unknown> => (await verdicts()).get('pod-identity-agent');
    const create = (object: object): Promise<string> =>
      world.cluster.kubectl(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', ...object }));
    await create({ kind: 'Node', metadata: { name: 'bare' } });
    expect(await agentCheck()).toMatchObject({
      status: 'error',
      message: 'no Pod Identity agent is ready on 1 of 1 node: bare',
    });
    for (const type of ['auto', 'fargate'])
      await create({
        kind: 'Node',
        metadata: { name: type, labels: { 'eks.amazonaws.com/compute-type': type } },
      });
    expect(await agentCheck()).toMatchObject({
      status: 'warning',
      message: 'no Pod Identity agent is ready on 1 of 2 nodes: bare',
    });
    await create({
      kind: 'Pod',
      metadata: {
        name: 'agent',
        namespace: 'kube-system',
        ownerReferences: [
          {
            apiVersion: 'apps/v1',
            kind: 'DaemonSet',
            name: 'eks-pod-identity-agent',
            uid: '1',
            controller: true,
          },
        ],
      },
      spec: { nodeName: 'bare', containers: [{ name: 'agent', image: 'agent' }] },
    });
    const ready = { name: 'agent', image: 'agent', imageID: '', ready: true, restartCount: 0 };
    const running = JSON.stringify({ status: { phase: 'Running', containerStatuses: [ready] } });
    await kubectl('patch', 'pod', '-n', 'kube-system', 'agent', '--subresource=status', `--patch=${running}`);
    expect(await agentCheck()).toMatchObject({
      status: 'ok',
      message: 'kube-system/eks-pod-identity-agent, 2 nodes',
    });
    await kubectl('delete', 'pod', '-n', 'kube-system', 'agent', '--force');
    // Simulates an operator that was installed before the cluster changed to Pod Identity.
    const annotate = (annotation: string): Promise<string> =>
      kubectl('annotate', 'serviceaccount', '--namespace=agent', 'konstellation', annotation);
    await annotate('eks.amazonaws.com/role-arn=arn:aws:iam::123456789012:role/x');
    expect((await verdicts()).get('oidc-provider')).toMatchObject({
      status: 'error',
      message: expect.stringContaining('but the operator does'),
    });
    await annotate('eks.amazonaws.com/role-arn-');
    await kubectl('delete', 'deployment', '--namespace=agent', 'konstellation');
  });

  it('keeps Pod Identity when it is run again; a run with another mode is refused, and the error names the command that changes the ClusterConfig', async () => {
    const again = await kon('install', '--without-operator', '--yes', ...own);
    expect(again, again.stderr).toMatchObject({ code: 0, stdout: 'konstellation unchanged\n' });
    expect(again.stderr).toContain(
      '‼ the Pod Identity agent is missing on 1 of 2 nodes: bare; pods on these nodes get no credentials\n  Add the agent: aws eks create-addon',
    );
    await kubectl('delete', 'nodes', '--all');
    const refused = await kon('install', '--identity-mode', 'IRSA', '--yes', ...own);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('ClusterConfig main has identityMode PodIdentity');
    expect(refused.stderr).toContain('kubectl patch clusterconfig main');
  });

  it('is reverted by kon uninstall, which also deletes the association', async () => {
    const planned = await kon('uninstall', '--dry-run', ...own);
    expect(planned.stderr).toContain('- Pod Identity association agent/konstellation\n');
    const removed = await kon('uninstall', '--yes', '--timeout', '1s', ...own);
    expect(removed, removed.stderr).toMatchObject({ code: 1, stdout: '' });
    expect(removed.stderr).toMatch(/^Error: not deleted after 1s: .*Namespace agent/m);
    expect(removed.stderr).toContain('Namespace agent: held up by the finalizer kubernetes\n');
    expect(removed.stderr).toContain('Continue waiting: kubectl wait --for=delete namespaces/agent\n');
    await finishNamespace('agent');
    const result = await kon('uninstall', '--yes', ...own);
    expect(result, result.stderr).toMatchObject({ code: 0, stdout: 'konstellation uninstalled\n' });
    expect(result.stderr).not.toContain('stays');
    expect(
      (await eks.send(new ListPodIdentityAssociationsCommand({ clusterName: 'main' }))).associations,
    ).toEqual([]);
    expect(await roleNames()).toEqual([]);
    await kubectl('wait', '--for=delete', 'crd', '--all', '--timeout=30s');
  });
});

describe('kon install with Pod Identity and an operator', () => {
  it('creates the Deployment only once its pods would get the role', async () => {
    const connection = await loadConnection({ kubeconfig: world.cluster.kubeconfig, env: world.kon.env });
    const client = createKubeClient(connection, { now: monotonicClock, random: Math.random });
    const late = ['--namespace', 'late'];
    /**
     * Records for each request to the webhook whether the Deployment existed. The webhook knows the association only
     * from the second request on.
     */
    const asked: boolean[] = [];
    let learned = false;
    const isDeployed = async (): Promise<boolean> =>
      (await kubectl('get', 'deployment', '-n', 'late', '-o', 'name')) !== '';
    const stopWebhook = await startWebhook(client, {
      associated: () => learned,
      lookup: async () => {
        asked.push(await isDeployed());
        learned = asked.length > 1;
        return undefined;
      },
    });
    try {
      const installed = await kon(
        'install',
        '--identity-mode',
        'PodIdentity',
        '--yes',
        '--no-wait',
        ...limited,
        ...late,
      );
      expect(installed, installed.stderr).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
      expect(asked).toEqual([false, false, false]);
      expect(await isDeployed()).toBe(true);
      expect(installed.stderr).not.toContain('‼');
      const gone = await kon('uninstall', '--yes', '--no-wait', ...late);
      expect(gone, gone.stderr).toMatchObject({ code: 0 });
      await kubectl('wait', '--for=delete', 'crd', '--all', '--timeout=30s');
    } finally {
      await kubectl('delete', 'mutatingwebhookconfiguration', '--all');
      await stopWebhook();
      await client.close();
    }
  });
});

describe('kon install on a cluster outside EKS', () => {
  it("takes the cluster's name and region from the options, and creates the OIDC provider of the cluster's issuer", async () => {
    const named = ['--namespace', 'mine', '--without-operator', '--yes'];
    const own = ['--self-managed', '--cluster-name', 'mine', '--region', region, ...named];
    const result = await kon('install', ...own, ...limited, '--target', 'production');
    expect(result, result.stderr).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
    expect(result.stderr).toContain(`Cluster mine in ${region}, AWS account ${accountId}\n`);
    expect(result.stderr).toContain(`√ IAM OIDC provider ${providerArn()}\n`);
    expect((await roleNames())[0]).toMatch(/^konstellation-operator-mine-/);
    expect(await kubectl('get', 'clusterconfigs', '-o', 'name')).toBe('clusterconfig.k11n.dev/mine\n');
    expect(await kon('install', ...own)).toMatchObject({
      code: 0,
      stdout: 'konstellation unchanged\n',
    });
    const gone = await kon('uninstall', '--self-managed', '--yes', '--wait=false', '--namespace', 'mine');
    expect(gone, gone.stderr).toMatchObject({
      code: 0,
      stdout: 'konstellation uninstalled\n',
    });
    expect(await roleNames()).toEqual([]);
    await kubectl('wait', '--for=delete', 'crd', '--all', '--timeout=30s');
    // No controller in this cluster completes the deletion of the namespace.
    const tooSoon = await kon('install', ...own, ...limited, '--target', 'production');
    expect(tooSoon).toMatchObject({ code: 1, stdout: '' });
    expect(tooSoon.stderr).toContain('Namespace mine is being deleted');
    expect(tooSoon.stderr).toContain('kubectl wait --for=delete namespaces/mine\n');
    expect(await roleNames()).toEqual([]);
  });
});

describe('kon install for an organization with requirements for roles', () => {
  const own = ['--namespace', 'demanding', '--without-operator', '--yes', '--no-wait'];
  const demands = [
    '--operator-boundary',
    'arn:aws:iam::aws:policy/PowerUserAccess',
    '--operator-role-path',
    '/platform/operators/',
    '--operator-role-tag',
    'cost-center=42',
  ];
  const roleOf = async () => {
    const [name = ''] = await roleNames();
    return (await world.iam.send(new GetRoleCommand({ RoleName: name }))).Role;
  };
  const annotation = (): Promise<string> =>
    kubectl(
      'get',
      'serviceaccount',
      '-n',
      'demanding',
      'konstellation',
      '-o',
      'jsonpath={.metadata.annotations.eks\\.amazonaws\\.com/role-arn}',
    );

  it("creates the operator's role with the path, boundary and tags, and annotates the operator's ServiceAccount with the role ARN", async () => {
    const installed = await kon('install', ...own, ...limited, ...demands);
    expect(installed, installed.stderr).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
    const role = await roleOf();
    expect(role).toMatchObject({
      Path: '/platform/operators/',
      PermissionsBoundary: { PermissionsBoundaryArn: 'arn:aws:iam::aws:policy/PowerUserAccess' },
      Tags: expect.arrayContaining([
        { Key: 'cost-center', Value: '42' },
        { Key: 'k11n.dev/installed-for', Value: clusterArn },
      ]),
    });
    expect(role?.Arn).toContain(':role/platform/operators/konstellation-operator-main-');
    expect(await annotation()).toBe(role?.Arn);
  });

  it('keeps the role settings when the options are not given again', async () => {
    expect(await kon('install', ...own)).toMatchObject({ code: 0, stdout: 'konstellation unchanged\n' });
    expect(await annotation()).toBe((await roleOf())?.Arn);
  });

  it('applies a changed boundary and a changed tag to the existing role, and refuses a changed path', async () => {
    const boundary = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
    const changed = await kon(
      'install',
      ...own,
      '--operator-boundary',
      boundary,
      '--operator-role-tag',
      'cost-center=43',
    );
    expect(changed, changed.stderr).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
    expect(changed.stderr).toContain('  ~ IAM role konstellation-operator-main-');
    expect(await roleOf()).toMatchObject({
      PermissionsBoundary: { PermissionsBoundaryArn: boundary },
      Tags: expect.arrayContaining([{ Key: 'cost-center', Value: '43' }]),
    });
    const refused = await kon('install', ...own, '--operator-role-path', '/elsewhere/');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('exists at another path than /elsewhere/');
  });

  it('plans a Pod Identity association with the role ARN that includes the path, and kon uninstall deletes the role', async () => {
    await kubectl('delete', 'clusterconfig', 'main');
    const mode = ['--identity-mode', 'PodIdentity', '--dry-run', '-o', 'json'];
    const { stdout } = await kon('install', '--namespace', 'demanding', ...limited, ...mode);
    expect((JSON.parse(stdout) as { iam: object }).iam).toMatchObject({
      podIdentityAssociation: { roleArn: (await roleOf())?.Arn },
      role: { path: '/platform/operators/' },
    });
    const gone = await kon('uninstall', '--yes', '--no-wait', '--namespace', 'demanding', '--region', region);
    expect(gone, gone.stderr).toMatchObject({ code: 0, stdout: 'konstellation uninstalled\n' });
    expect(await roleNames()).toEqual([]);
    await kubectl('wait', '--for=delete', 'crd', '--all', '--timeout=30s');
  });
});

describe('kon uninstall', () => {
  const trustOf = (principal: object): string =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRoleWithWebIdentity' }],
    });
  const provider = (): Promise<unknown> =>
    world.iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: providerArn() }));

  it('keeps an OIDC provider that other roles trust, and names these roles before it starts', async () => {
    const own = ['--namespace', 'irsa'];
    const installed = await kon('install', '--without-operator', '--yes', '--no-wait', ...limited, ...own);
    expect(installed, installed.stderr).toMatchObject({ code: 0 });
    await world.iam.send(
      new CreateRoleCommand({
        RoleName: 'lbc',
        AssumeRolePolicyDocument: trustOf({ Federated: providerArn() }),
      }),
    );
    await world.iam.send(
      new CreateRoleCommand({
        RoleName: 'unrelated',
        AssumeRolePolicyDocument: trustOf({ Federated: 'cognito-identity.amazonaws.com' }),
      }),
    );
    const stays = `‼ stays: IAM OIDC provider ${providerArn()}, which the role lbc trusts`;
    const planned = await kon('uninstall', '--dry-run', ...own);
    expect(planned, planned.stderr).toMatchObject({ code: 0 });
    expect(planned.stderr).toContain(stays);
    expect(planned.stderr).not.toContain('- IAM OIDC provider');
    const blind = await world.kon.run(['uninstall', '--dry-run', ...own], { env: world.unlistingEnv });
    expect(blind.stderr).toContain(
      `‼ stays: IAM OIDC provider ${providerArn()}, because you are not permitted to list the roles that trust the provider`,
    );
    const result = await kon('uninstall', '--yes', '--no-wait', ...own);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(result.stderr).toContain(stays);
    await provider();
    await kubectl('wait', '--for=delete', 'crd', '--all', '--timeout=30s');
  });

  it('removes the OIDC provider once no role trusts that provider', async () => {
    const own = ['--namespace', 'irsa-again'];
    await world.iam.send(new DeleteRoleCommand({ RoleName: 'lbc' }));
    const installed = await kon('install', '--without-operator', '--yes', '--no-wait', ...limited, ...own);
    expect(installed, installed.stderr).toMatchObject({ code: 0 });
    const result = await kon('uninstall', '--yes', '--no-wait', ...own);
    expect(result.stderr).toContain(`- IAM OIDC provider ${providerArn()}\n`);
    await expect(provider()).rejects.toMatchObject({ name: 'NoSuchEntityException' });
    await world.iam.send(new DeleteRoleCommand({ RoleName: 'unrelated' }));
    await kubectl('wait', '--for=delete', 'crd', '--all', '--timeout=30s');
  });

  it('keeps objects that others created, and lists these objects', async () => {
    const elsewhere = ['--namespace', 'elsewhere'];
    await kon('install', '--without-operator', '--yes', ...limited, ...elsewhere);
    await kubectl(
      'label',
      'clusterrole',
      'konstellation',
      'app.kubernetes.io/managed-by=Helm',
      '--overwrite',
    );
    const result = await kon('uninstall', '--yes', '--no-wait', ...elsewhere);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(result.stderr).toContain('‼ stays: ClusterRole konstellation, which kon install did not create\n');
    const [role] = await roleNames();
    await expect(world.iam.send(new GetRoleCommand({ RoleName: role ?? 'none' }))).rejects.toThrow();
  });
});
