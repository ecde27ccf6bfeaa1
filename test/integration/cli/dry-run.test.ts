/**
 * The output of `--dry-run` and of `diff` is based on the API server's response. Neither of the two changes an object.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { bindingOf, protectionPolicy } from '../../../src/rbac/index.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon, type Result } from './kon.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const fullAccess = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';

let cluster: TestControlPlane;
let kon: Kon;

const account = (name: string, policies: readonly string[]): string =>
  stringify({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name },
    spec: { aws: { policyArns: policies }, deletionPolicy: 'Delete' },
  });

beforeAll(async () => {
  cluster = await startControlPlane();
  kon = await prepareKon({ KUBECONFIG: cluster.kubeconfig });
  await installCrds(cluster, kon);
  const guards = [protectionPolicy, bindingOf(protectionPolicy)].map((object) => stringify(object));
  await cluster.kubectl(['apply', '-f', '-'], guards.join('---\n'));
  await cluster.kubectl(
    ['apply', '--server-side', '--field-manager=kon', '-f', '-'],
    [
      account('there', [readOnly]),
      account('guarded', [readOnly]).replace(
        'name: guarded',
        'name: guarded\n  labels: {k11n.dev/protected: "true"}',
      ),
      'apiVersion: k11n.dev/v1alpha1\nkind: App\nmetadata: {name: shop}\nspec: {image: nginx, imageTag: "1", targets: [{name: production}]}\n',
      'apiVersion: k11n.dev/v1alpha1\nkind: App\nmetadata: {name: still}\nspec: {image: nginx, targets: [{name: production, deployMode: halt}]}\n',
      'apiVersion: k11n.dev/v1alpha1\nkind: ClusterConfig\nmetadata: {name: test}\nspec: {targets: [production, idle], aws: {region: eu-west-1}}\n',
    ].join('---\n'),
  );
  await deployShop();
  // The API server enforces a policy only some moments after the policy was created.
  await eventually('the policy to be in force', async () => {
    const tried = await kon.run(['account', 'delete', 'guarded', '--dry-run']);
    return tried.code === 1 ? true : undefined;
  });
});

afterAll(async () => {
  await kon?.remove();
  await cluster?.stop();
});

/**
 * Returns all objects that commands write, with their versions: an equal result before and after shows that nothing was
 * written.
 */
const everything = (): Promise<string> =>
  cluster.kubectl(['get', 'lsa,apps.k11n.dev,clusterconfigs,deployments,replicasets', '-A', '-o', 'json']);

/**
 * Writes the state that the operator and the Deployment controller would produce: the app runs nginx:1, and ran nginx:0
 * before.
 */
async function deployShop(): Promise<void> {
  const metadata = { name: 'shop', namespace: 'production' };
  const owner = (kind: string, { uid = '' }: { readonly uid?: string }, name = 'shop'): object => ({
    ownerReferences: [
      { apiVersion: kind === 'App' ? 'k11n.dev/v1alpha1' : 'apps/v1', kind, name, uid, controller: true },
    ],
  });
  const specOf = (image: string, labels = {}): object => ({
    replicas: 1,
    selector: { matchLabels: { 'k11n.dev/app': 'shop', ...labels } },
    template: {
      metadata: { labels: { 'k11n.dev/app': 'shop', ...labels } },
      spec: { containers: [{ name: 'shop', image }] },
    },
  });
  const create = async (object: object): Promise<{ readonly uid?: string }> => {
    const made = await cluster.kubectl(['create', '-o', 'json', '-f', '-'], JSON.stringify(object));
    return (JSON.parse(made) as { metadata: { uid?: string } }).metadata;
  };
  const app = JSON.parse(await cluster.kubectl(['get', 'apps.k11n.dev', 'shop', '-o', 'json'])) as {
    metadata: { uid?: string };
  };
  await cluster.kubectl(['create', 'namespace', 'production']);
  const revision = (number: string): object => ({
    annotations: { 'deployment.kubernetes.io/revision': number },
  });
  const labels = { 'k11n.dev/app': 'shop', 'k11n.dev/target': 'production' };
  const deployment = await create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...metadata, labels, ...revision('2'), ...owner('App', app.metadata) },
    spec: specOf('nginx:1'),
  });
  for (const number of ['1', '2'])
    await create({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        ...metadata,
        name: `shop-${number}`,
        labels: { ...labels, 'pod-template-hash': number },
        ...revision(number),
        ...owner('Deployment', deployment),
      },
      spec: specOf(`nginx:${Number(number) - 1}`, { 'pod-template-hash': number }),
    });
}

const run = (line: string, input?: string): Promise<Result> =>
  kon.run(line.split(' '), input === undefined ? {} : { input });

/** For each command that writes: its dry run, the expected output, and the standard input. */
const writes: readonly (readonly [line: string, stdout: string, input?: string])[] = [
  [`account create new --policy ${readOnly} --dry-run`, 'linkedserviceaccount/new created (dry run)\n'],
  ['account create -f - --dry-run', 'linkedserviceaccount/new created (dry run)\n', account('new', [])],
  [`account edit there --policy ${fullAccess} --dry-run`, 'linkedserviceaccount/there edited (dry run)\n'],
  [`account edit there --policy ${readOnly} --dry-run`, 'linkedserviceaccount/there unchanged (dry run)\n'],
  ['account edit -f - --dry-run', 'linkedserviceaccount/there edited (dry run)\n', account('there', [])],
  ['account delete there --dry-run', 'linkedserviceaccount/there deleted (dry run)\n'],
  ['app create new --image nginx:1 --dry-run', 'app/new created (dry run)\n'],
  ['app edit shop --tag 2 --dry-run', 'app/shop edited (dry run)\n'],
  ['app deploy shop --tag 2 --dry-run', 'app/shop deployed nginx:2 (dry run)\n'],
  ['app halt shop --dry-run', 'app/shop halted (dry run)\n'],
  ['app resume still --dry-run', 'app/still resumed (dry run)\n'],
  ['app restart shop --dry-run', 'app/shop restarted in production (dry run)\n'],
  ['app restart shop --dry-run -o name', 'deployment.apps/shop\n'],
  ['app rollback shop --dry-run', 'app/shop rolled back (dry run)\n'],
  ['app delete shop --dry-run', 'app/shop deleted (dry run)\n'],
  ['target create staging --dry-run', 'target/staging created (dry run)\n'],
  ['target delete idle --dry-run', 'target/idle deleted (dry run)\n'],
  [
    'apply -f - --dry-run',
    'linkedserviceaccount/there configured (dry run)\nlinkedserviceaccount/new created (dry run)\nlinkedserviceaccount/guarded unchanged (dry run)\n',
    `${account('there', [fullAccess])}---\n${account('new', [])}---\n${account('guarded', [readOnly]).replace('name: guarded', 'name: guarded\n  labels: {k11n.dev/protected: "true"}')}`,
  ],
];

describe('--dry-run', () => {
  it.each(['--dry-run', '--dry-run=server', '--dry-run=client'])(
    '%s describes the effect of every write, and writes nothing',
    async (flag) => {
      const before = await everything();
      for (const [each, stdout, input] of writes) {
        const line = each.replace('--dry-run', flag);
        const result = await run(line, input);
        expect({ line, code: result.code, stdout: result.stdout }).toEqual({ line, code: 0, stdout });
      }
      expect(await everything()).toBe(before);
    },
  );

  it('with the value =client, sends no write to the API server, not even one that the server would refuse', async () => {
    const { code, stdout, stderr } = await run('account delete guarded --dry-run=client -v');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'linkedserviceaccount/guarded deleted (dry run)\n' });
    expect(stderr).toMatch(/^GET /m);
    expect(stderr).not.toMatch(/^(POST|PUT|PATCH|DELETE) /m);
    const local = await run(`account create new --policy ${readOnly} --dry-run=client -o json`);
    // The output contains nothing that the API server would add, such as a uid, a generation or default values.
    expect(JSON.parse(local.stdout)).toEqual({
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'LinkedServiceAccount',
      metadata: { name: 'new' },
      spec: { aws: { policyArns: [readOnly] }, deletionPolicy: 'Delete' },
    });
  });

  it('prints the resulting object, with the defaults of the API server', async () => {
    const created = await run(`account create new --policy ${readOnly} --dry-run -o json`);
    expect(JSON.parse(created.stdout)).toMatchObject({
      metadata: { name: 'new', generation: 1 },
      spec: { aws: { policyArns: [readOnly] }, deletionPolicy: 'Delete' },
    });
    const applied = await run('apply -f - --dry-run -o yaml', account('there', [fullAccess]));
    expect(applied.stdout).toContain(`- ${fullAccess}`);
  });

  it('shows the effect of options that read files or name other apps', async () => {
    const file = await kon.file('shop.conf', 'listen 80;\n');
    const limits = await kon.file('limits.env', '# a day\nMOST=5\n');
    const options = `--config settings=${file}:/etc/shop --config limits=${limits} --depends-on shop`;
    const { stdout } = await run(`app create new --image nginx:1 ${options} --dry-run -o json`);
    expect(JSON.parse(stdout)).toMatchObject({
      spec: {
        configs: [
          { name: 'settings', mountPath: '/etc/shop', data: { 'shop.conf': 'listen 80;\n' } },
          { name: 'limits', data: { MOST: '5' } },
        ],
        dependencies: [{ name: 'shop' }],
      },
    });
    expect(await run('app edit shop --remove-config settings --dry-run')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the app has no config "settings"'),
    });
  });

  it('fails with exit code 1 if the API server would refuse the write', async () => {
    const guarded = await run('account delete guarded --dry-run');
    expect(guarded).toMatchObject({ code: 1, stdout: '' });
    expect(guarded.stderr).toContain('guarded is protected from deletion');
    const faulty = await run(
      'apply -f - --dry-run',
      account('new', ['arn:aws:iam::aws:policy/a', 'arn:aws:iam::aws:policy/a']),
    );
    expect(faulty.code).toBe(1);
    expect(faulty.stdout).toBe('');
  });

  it('prints the object that the text from an editor would create or change', async () => {
    const editor = await kon.editor('widen', `sed -i s/ReadOnlyAccess/FullAccess/ "$1"`);
    const result = await kon.run(['account', 'edit', 'there', '--dry-run', '-o', 'json'], {
      env: { KON_EDITOR: editor },
    });
    expect(JSON.parse(result.stdout)).toMatchObject({ spec: { aws: { policyArns: [fullAccess] } } });
  });
});

describe('kon diff', () => {
  it('exits with code 0 and prints nothing when nothing would change', async () => {
    expect(await run('diff -f -', account('there', [readOnly]))).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('exits with code 1, shows the lines that would change, and changes nothing on the cluster', async () => {
    const before = await everything();
    const result = await run('diff -f -', `${account('there', [fullAccess])}---\n${account('new', [])}`);
    expect(result.code).toBe(1);
    expect(result.stdout).toContain('linkedserviceaccount/there would change:\n');
    expect(result.stdout).toContain(`\n-       - ${readOnly}\n+       - ${fullAccess}\n`);
    expect(result.stdout).toContain('linkedserviceaccount/new would be created:\n');
    const json = await run('diff -f - -o json', account('there', [fullAccess]));
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      apiVersion: 'cli.k11n.dev/v1',
      kind: 'Diff',
      items: [
        {
          object: 'linkedserviceaccount/there',
          action: 'update',
          before: { spec: { aws: { policyArns: [readOnly] } } },
          after: { spec: { aws: { policyArns: [fullAccess] } } },
        },
      ],
    });
    expect(await everything()).toBe(before);
  });

  it('exits with a code above 1 when it cannot compare the objects', async () => {
    for (const [line, code] of [
      ['diff', 2],
      ['diff -f /no/such/file', 3],
      ['diff -f - --kubeconfig /no/such/file', 3],
    ] as const)
      expect({ line, code: (await run(line, account('there', []))).code }).toEqual({ line, code });
  });

  it('warns that kon apply will also remove fields that kon create has set, because the diff does not show this removal', async () => {
    await run(`account create wide --policy ${readOnly} --target production --no-wait`);
    const result = await run('diff -f -', account('wide', [readOnly]));
    expect(result.stderr).toContain(
      '‼ linkedserviceaccount/wide: the write also removes fields that kon create or edit had set',
    );
  });
});
