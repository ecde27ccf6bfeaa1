/** Tests of the repository's examples in a sandbox. */
import {
  CreateOpenIDConnectProviderCommand,
  CreateRoleCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { findProgram } from '../../scripts/find-program.ts';
import { apps, linkedServiceAccounts, type App, type LinkedServiceAccount } from '../../src/api/index.ts';
import { isConditionTrue } from '../../src/k8s/conditions.ts';
import { argoCdCrd } from '../support/argo-cd-crd.ts';
import { eventually } from '../support/eventually.ts';
import { startSandbox, type TestSandbox } from '../support/sandbox.ts';

const root = resolve(import.meta.dirname, '../..');
const examples = join(root, 'examples');
const manifests = join(examples, 'gitops/manifests');
const run = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kon-examples-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('an app with its account', () => {
  let sandbox: TestSandbox;
  let kubeconfig: string;
  const kubectl = async (args: readonly string[], input?: string): Promise<string> => {
    const pending = run('kubectl', args, { env: { ...sandbox.env, HOME: folder } });
    pending.child.stdin?.end(input ?? '');
    return (await pending).stdout;
  };
  const asPipeline = (...args: string[]): ReturnType<TestSandbox['kon']> =>
    sandbox.kon(args, { env: { KUBECONFIG: kubeconfig } });

  /**
   * After a change of the pipeline's role, waits until the API server permits `verb` on the pipeline's app, or denies
   * `verb` if `isPermitted` is false.
   */
  const untilPermitted = (verb: string, isPermitted: boolean): Promise<true> => {
    const question = ['--kubeconfig', kubeconfig, 'auth', 'can-i', verb, 'apps.k11n.dev/payments'];
    return eventually(`the pipeline's permission to ${verb} its app to change`, async () => {
      const answer = await kubectl(question).catch(({ stdout }: { readonly stdout?: string }) => stdout);
      return answer === (isPermitted ? 'yes\n' : 'no\n') || undefined;
    });
  };

  beforeAll(async () => {
    sandbox = await startSandbox();
  });
  afterAll(() => sandbox.stop());

  it('becomes ready in both targets when a GitOps tool applies its manifests', async () => {
    const files = (await readdir(manifests)).flatMap((name) => ['-f', join(manifests, name)]);
    expect(files.length).toBeGreaterThan(2);
    await kubectl(['apply', '--dry-run=server', ...files]);
    const applied = await sandbox.kon(['apply', '--yes', ...files]);
    expect(applied, applied.stderr).toMatchObject({ code: 0 });
    const account = await sandbox.client.get<LinkedServiceAccount>(linkedServiceAccounts, {
      name: 'payments',
    });
    expect(isConditionTrue(account.status?.conditions, 'Ready')).toBe(true);
    const app = await sandbox.client.get<App>(apps, { name: 'payments' });
    expect(isConditionTrue(app.status?.conditions, 'Ready')).toBe(true);
  });

  it('is applied from the folder to which the manifests for Argo CD and Flux refer', async () => {
    await kubectl(['create', '-f', '-'], JSON.stringify(argoCdCrd));
    await kubectl(['wait', '--for=condition=Established', `crd/${argoCdCrd.metadata.name}`]);
    await kubectl(['create', 'namespace', 'argocd']);
    const application = join(examples, 'gitops/argo-cd/application.yaml');
    expect(await kubectl(['apply', '--dry-run=server', '-f', application])).toContain(
      'created (server dry run)',
    );
    type Tool = {
      readonly metadata: { readonly name: string };
      readonly spec: { readonly path?: string; readonly source?: { readonly path: string } };
    };
    const read = async (path: string): Promise<readonly Tool[]> =>
      parseAllDocuments(await readFile(path, 'utf8')).map((each) => each.toJS() as Tool);
    const [argo] = await read(application);
    const [repository, kustomization] = await read(join(examples, 'gitops/flux/payments.yaml'));
    expect(kustomization?.spec).toMatchObject({
      wait: true,
      sourceRef: { kind: 'GitRepository', name: repository?.metadata.name },
    });
    const paths = [argo?.spec.source?.path ?? '', kustomization?.spec.path ?? ''];
    for (const path of paths) expect(join(root, path)).toBe(manifests);
  });

  it('is deployed by a pipeline with the rights of the example', async () => {
    await kubectl(['apply', '-f', join(examples, 'ci/rbac.yaml')]);
    const token = await kubectl(['create', 'token', '-n', 'pipelines', 'deploy-payments']);
    kubeconfig = join(folder, 'pipeline.yaml');
    await copyFile(sandbox.description.kubeconfig, kubeconfig);
    const config = ['--kubeconfig', kubeconfig, 'config'];
    await kubectl([...config, 'set-credentials', 'pipeline', `--token=${token.trim()}`]);
    await kubectl([...config, 'set-context', '--current', '--user=pipeline']);
    await untilPermitted('update', true);
    const deployed = await asPipeline('app', 'deploy', 'payments', '--tag', '1.1.0');
    expect(deployed, deployed.stderr).toMatchObject({ code: 0 });
    const jsonpath = 'jsonpath={.items[*].spec.template.spec.containers[*].image}';
    const images = await kubectl(['get', 'deployments', '-n', 'production', '-o', jsonpath]);
    expect(images).toBe('registry.example.com/payments:1.1.0');
  });

  it('is not deployed by a pipeline that lacks any one of the RBAC verbs in the example', async () => {
    const verbs = ['get', 'list', 'watch', 'update'];
    const rbac = await readFile(join(examples, 'ci/rbac.yaml'), 'utf8');
    const all = `verbs: [${verbs.join(', ')}]`;
    expect(rbac).toContain(all);
    for (const [index, verb] of verbs.entries()) {
      const fewer = verbs.filter((each) => each !== verb).join(', ');
      await kubectl(['apply', '-f', '-'], rbac.replace(all, `verbs: [${fewer}]`));
      await untilPermitted(verb, false);
      const deploy = ['app', 'deploy', 'payments', '--tag', `2.0.${index}`, '--timeout', '5s'];
      expect((await asPipeline(...deploy)).code, verb).not.toBe(0);
    }
    await kubectl(['apply', '-f', join(examples, 'ci/rbac.yaml')]);
    for (const verb of verbs) await untilPermitted(verb, true);
    expect((await asPipeline('app', 'deploy', 'payments', '--tag', '2.1.0')).code).toBe(0);
  });

  it.each([
    ['creating another app', ['app', 'create', 'other', '--image', 'nginx', '--target', 'production']],
    [
      'editing the account',
      ['account', 'edit', 'payments', '--add-policy', 'arn:aws:iam::aws:policy/AmazonS3FullAccess', '--yes'],
    ],
    [
      'changing the account of its app',
      ['app', 'edit', 'payments', '--account', 'default-account', '--no-wait'],
    ],
    ['deleting its app', ['app', 'delete', 'payments', '--yes']],
  ])('is deployed by a pipeline whose rights exclude %s', async (_what, args) => {
    const refused = await asPipeline(...args);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/forbidden|cannot|is not permitted to/i);
  });

  it('has a pipeline whose rights exclude pods, Secrets and ServiceAccount tokens', async () => {
    for (const [verb, resource] of [
      ['get', 'secrets'],
      ['create', 'pods'],
      ['create', 'serviceaccounts/token'],
      ['create', 'deployments.apps'],
      ['update', 'linkedserviceaccounts.k11n.dev'],
      ['create', 'apps.k11n.dev'],
      ['delete', 'apps.k11n.dev/payments'],
    ] as const) {
      const asked = kubectl([
        '--kubeconfig',
        kubeconfig,
        'auth',
        'can-i',
        verb,
        resource,
        '-n',
        'production',
      ]);
      await expect(asked, `${verb} ${resource}`).rejects.toMatchObject({ stdout: 'no\n' });
    }
  });
});

describe('the workflow and the Terraform file', () => {
  it('have valid syntax', async () => {
    const actionlint = await findProgram('actionlint');
    expect((await run(actionlint, [join(examples, 'ci/deploy.yml')])).stdout).toBe('');
    const hclfmt = await findProgram('hclfmt');
    const file = join(examples, 'terraform/main.tf');
    expect((await run(hclfmt, ['-check', file])).stdout).toBe(await readFile(file, 'utf8'));
  });

  it('create the operator role from the output of kon install, and kon install then finds nothing to change in IAM', async () => {
    const sandbox = await startSandbox({ bare: true });
    try {
      const options = ['--target', 'production', '--allow-policy', 'arn:aws:iam::aws:policy/AmazonS3*'];
      const printed = await sandbox.kon(['install', ...options, '--dry-run', '-o', 'json']);
      const installation = JSON.parse(printed.stdout) as { iam: Iam };
      const text = await readFile(join(examples, 'terraform/main.tf'), 'utf8');
      const references = new Set(
        Array.from(text.matchAll(/local\.installation\.([\w.]+)/g), ([, path = '']) => path),
      );
      expect(references.size).toBeGreaterThan(8);
      // Without --operator-boundary, this attribute is absent, so the Terraform file reads it with try().
      references.delete('iam.role.permissionsBoundaryArn');
      for (const path of references) expect(installation).toHaveProperty(path);

      const { iam } = sandbox.aws;
      const { oidcProvider, role } = installation.iam;
      const Tags = Object.entries(role.tags).map(([Key, Value]) => ({ Key, Value }));
      await iam.send(
        new CreateOpenIDConnectProviderCommand({
          Url: oidcProvider.url,
          ClientIDList: oidcProvider.clientIds,
          Tags,
        }),
      );
      const AssumeRolePolicyDocument = JSON.stringify(role.trustPolicy);
      await iam.send(
        new CreateRoleCommand({ RoleName: role.name, Path: role.path, Tags, AssumeRolePolicyDocument }),
      );
      for (const [PolicyName, policy] of Object.entries(role.policies))
        await iam.send(
          new PutRolePolicyCommand({
            RoleName: role.name,
            PolicyName,
            PolicyDocument: JSON.stringify(policy),
          }),
        );
      const installed = await sandbox.kon(['install', ...options, '--yes', '--no-wait']);
      expect(installed, installed.stderr).toMatchObject({ code: 0 });
      const ofIam = `${installed.stdout}${installed.stderr}`
        .split('\n')
        .filter((line) => /IAM|OIDC/.test(line));
      expect(ofIam.length).toBeGreaterThan(0);
      expect(ofIam.filter((line) => /^\s*[+~]/.test(line))).toEqual([]);
    } finally {
      await sandbox.stop();
    }
  });
});

type Iam = {
  readonly oidcProvider: { readonly url: string; readonly clientIds: string[] };
  readonly role: {
    readonly name: string;
    readonly path: string;
    readonly tags: Readonly<Record<string, string>>;
    readonly trustPolicy: object;
    readonly policies: Readonly<Record<string, object>>;
  };
};
