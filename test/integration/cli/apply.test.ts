/**
 * `kon apply` and `kon diff` with folders, and the confirmation that `kon apply` asks for before it removes targets,
 * through the real executable.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon, type Result } from './kon.ts';

const targets = ['production', 'staging'];

let cluster: TestControlPlane;
let kon: Kon;
const run = (...args: string[]): Promise<Result> => kon.run(args);

const account = (name: string, spec: object = {}, annotations: object = {}): string =>
  JSON.stringify({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name, annotations },
    spec: { aws: { policyArns: [] }, ...spec },
  });
const app = (name: string, names: readonly string[]): string =>
  JSON.stringify({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'App',
    metadata: { name },
    spec: { image: 'nginx', serviceAccount: 'used', targets: names.map((each) => ({ name: each })) },
  });
const config = (names: readonly string[]): string =>
  JSON.stringify({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'ClusterConfig',
    metadata: { name: 'main' },
    spec: { targets: names, aws: { region: 'eu-west-1' } },
  });
const apply = (text: string, ...args: string[]): Promise<Result> =>
  kon.run(['apply', '-f', '-', '--no-wait', ...args], { input: text });

beforeAll(async () => {
  cluster = await startControlPlane({ audit: false });
  kon = await prepareKon({ KUBECONFIG: cluster.kubeconfig });
  await installCrds(cluster, kon);
  for (const text of [config(targets), account('used', { targets }), app('shop', targets)])
    expect((await apply(text)).code).toBe(0);
  const setStatus = (resource: string, name: string, status: object): Promise<string> =>
    cluster.kubectl([
      'patch',
      resource,
      name,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status }),
    ]);
  await setStatus('lsa', 'used', {
    targets: targets.map((name) => ({
      name,
      linked: true,
      proven: true,
      pods: { current: 2, stale: 0, uninjected: 0 },
    })),
  });
  await setStatus('apps.k11n.dev', 'shop', {
    targets: targets.map((name) => ({ name, state: 'Ready', replicas: 2 })),
  });
});

afterAll(async () => {
  await kon?.remove();
  await cluster?.stop();
});

describe('a removal of a target while pods run in the target', () => {
  it.each([
    ['an app', app('shop', ['production']), 'staging: 2 running pods of "shop" will be deleted'],
    [
      'an account that cuts off its pods',
      account('used', { targets: ['production'] }, { 'k11n.dev/unlink-now': 'staging' }),
      'staging: 2 running pods of "used" can get no new credentials from now on',
    ],
    ['a ClusterConfig', config(['production']), 'staging: app shop names the target'],
  ])(
    'is refused without a terminal if %s drops the target, and nothing is written',
    async (_what, text, line) => {
      const before = await cluster.kubectl(['get', 'clusterconfigs,lsa,apps.k11n.dev', '-o', 'json']);
      const refused = await apply(text);
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toContain(`‼ ${line}`);
      expect(refused.stderr).toContain('Next: Pass --yes to confirm.');
      expect(await cluster.kubectl(['get', 'clusterconfigs,lsa,apps.k11n.dev', '-o', 'json'])).toBe(before);
    },
  );

  it('is reported but not refused if the pods keep their permissions', async () => {
    const result = await apply(account('used', { targets: ['production'] }), '--dry-run');
    expect(result.code).toBe(0);
    const real = await apply(account('used', { targets: ['production'] }));
    expect(real).toMatchObject({ code: 0, stdout: 'linkedserviceaccount/used configured\n' });
    expect(real.stderr).toContain(
      '‼ staging: 2 running pods of "used" keep their AWS permissions until they end',
    );
  });

  it('is applied with --yes', async () => {
    expect(await apply(app('shop', ['production']), '--yes')).toMatchObject({
      code: 0,
      stdout: 'app/shop configured\n',
    });
  });
});

describe('an object that is being deleted', () => {
  it('is not applied', async () => {
    const object = JSON.parse(account('leaving')) as { metadata: object };
    object.metadata = { name: 'leaving', finalizers: ['example.com/held'] };
    await cluster.kubectl(['create', '-f', '-'], JSON.stringify(object));
    await cluster.kubectl(['delete', 'lsa', 'leaving', '--wait=false']);
    const result = await apply(account('leaving', { targets: ['production'] }));
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain('account "leaving" is being deleted, so it cannot be changed');
  });
});

describe('a folder', () => {
  beforeAll(async () => {
    await mkdir(join(kon.folder, 'manifests/team'), { recursive: true });
    await mkdir(join(kon.folder, 'empty/deep'), { recursive: true });
    await kon.file('manifests/b.json', account('from-json'));
    await kon.file('manifests/a.yaml', account('from-yaml'));
    await kon.file('manifests/README.md', 'not a manifest');
    await kon.file('manifests/team/c.yml', account('from-team'));
    await kon.file('empty/deep/d.yaml', account('deep'));
  });

  it('is applied in the order of its files, and with -R the folders in it too', async () => {
    expect((await run('diff', '-f', 'manifests', '-R', '-o', 'json')).code).toBe(1);
    expect(await run('apply', '-f', 'manifests', '--no-wait')).toMatchObject({
      code: 0,
      stdout: 'linkedserviceaccount/from-yaml created\nlinkedserviceaccount/from-json created\n',
    });
    expect((await run('apply', '-f', 'manifests', '-R', '--no-wait')).stdout).toContain(
      'linkedserviceaccount/from-team created\n',
    );
    expect(await run('diff', '-f', 'manifests', '-R')).toMatchObject({ code: 0, stdout: '' });
  });

  it('without manifests is refused, as is a URL', async () => {
    const empty = await run('apply', '-f', 'empty');
    expect(empty).toMatchObject({ code: 1, stdout: '' });
    expect(empty.stderr).toContain('folder "empty" contains no .yaml, .yml or .json file');
    expect(empty.stderr).toContain('-R');
    const url = await run('apply', '-f', 'https://example.com/a.yaml');
    expect(url).toMatchObject({ code: 2, stdout: '' });
    expect(url.stderr).toContain('What a URL serves may change between review and apply');
  });
});

describe('faulty files', () => {
  const head = (kind: string, name: string): string =>
    `apiVersion: k11n.dev/v1alpha1\nkind: ${kind}\nmetadata:\n  name: ${name}\nspec:\n`;

  it('are reported all at once, with the file and the line of each problem', async () => {
    await mkdir(join(kon.folder, 'faulty'), { recursive: true });
    await kon.file('faulty/a.yaml', head('Pod', 'x'));
    await kon.file('faulty/b.yaml', 'kind: [1');
    await kon.file(
      'faulty/c.yaml',
      `${head('LinkedServiceAccount', 'one')}  aws: {policyArns: []}\n---\n${head('LinkedServiceAccount', 'two')}  aws:\n    policyArns:\n      - nonsense\n  targets: production\n`,
    );
    await kon.file('faulty/d.json', account('sound'));
    const before = await cluster.kubectl(['get', 'lsa', '-o', 'name']);
    const result = await run('apply', '-f', 'faulty', '--no-wait');
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain('3 files are faulty; nothing was written\n');
    expect(result.stderr).toMatch(/faulty\/a\.yaml:2: kind: expected one of .*, got "Pod"\n/);
    expect(result.stderr).toMatch(/faulty\/b\.yaml:1:\d+: /);
    expect(result.stderr).toContain('faulty/c.yaml:15: spec.aws.policyArns[0]: "nonsense" is not the ARN');
    expect(result.stderr).toContain('faulty/c.yaml:16: spec.targets: expected a list, got "production"');
    expect(await cluster.kubectl(['get', 'lsa', '-o', 'name'])).toBe(before);
  });

  it('are reported with the line of the faulty item in a List', async () => {
    const items = [JSON.parse(account('first')), { ...(JSON.parse(account('second')) as object), spec: {} }];
    const text = JSON.stringify({ kind: 'List', items }, undefined, 1);
    const line = text.split('\n').findIndex((each) => each.includes('"spec": {}')) + 1;
    expect((await apply(text)).stderr).toContain(`stdin:${line}: spec.aws: is missing`);
  });
});

describe('--dry-run', () => {
  const undeclared = account('locally', { color: 'red' });

  it('validates on the server if the option has no value or the value =server', async () => {
    for (const option of ['--dry-run', '--dry-run=server']) {
      const refused = await apply(undeclared, option);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain('spec.color: unknown field');
      expect(await apply(account('locally'), option)).toMatchObject({
        code: 0,
        stdout: 'linkedserviceaccount/locally created (dry run)\n',
      });
    }
  });

  it('with the value client compares each object with the existing object, and sends no object to the API server', async () => {
    expect(await apply(undeclared, '--dry-run=client')).toMatchObject({
      code: 0,
      stdout: 'linkedserviceaccount/locally created (dry run)\n',
    });
    expect((await apply(app('shop', ['staging']), '--dry-run=client')).stdout).toBe(
      'app/shop configured (dry run)\n',
    );
    expect((await apply(account('x', { targets: 'y' }), '--dry-run=client')).stderr).toContain(
      'stdin:1: spec.targets',
    );
    expect(await cluster.kubectl(['get', 'lsa', '-o', 'name'])).not.toContain('/locally');
  });

  it('refuses every value except client and server', async () => {
    expect(await apply(account('locally'), '--dry-run=maybe')).toMatchObject({ code: 2, stdout: '' });
  });
});
