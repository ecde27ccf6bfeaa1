/** Names, aliases and help of `kon`, and the screens `kon status` and `kon version`, through the real executable. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, untilPermitted, type TestControlPlane } from '../../support/cluster.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon, type Result } from './kon.ts';

let cluster: TestControlPlane;
let kon: Kon;
const run = (...args: string[]): Promise<Result> => kon.run(args);

const manifest = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind,
  metadata: { name },
  spec,
});
const account = (name: string): object => manifest('LinkedServiceAccount', name, { aws: { policyArns: [] } });
const app = (name: string): object =>
  manifest('App', name, { image: 'nginx', targets: [{ name: 'production' }] });
const create = (...items: object[]): Promise<string> =>
  cluster.kubectl(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));

beforeAll(async () => {
  cluster = await startControlPlane();
  kon = await prepareKon({ KUBECONFIG: cluster.kubeconfig });
  await installCrds(cluster, kon);
  await create(
    manifest('ClusterConfig', 'main', {
      targets: ['production'],
      aws: { region: 'eu-west-1', accountId: '111122223333', clusterName: 'main' },
    }),
    account('one'),
    account('two'),
    app('shop'),
  );
});

afterAll(async () => {
  await kon?.remove();
  await cluster?.stop();
});

describe('when arguments name objects', () => {
  it.each(['account', 'app', 'target'])(
    'kon %s list -o name prints names that other commands accept',
    async (noun) => {
      const names = (await run(noun, 'list', '-o', 'name')).stdout.trim().split('\n');
      expect(names[0]).toMatch(/^[a-z]+\.k11n\.dev\/\w+$/);
      if (noun === 'target') {
        expect(await run('target', 'delete', ...names, '--dry-run')).toMatchObject({
          stderr: expect.stringContaining('is in use'),
        });
        return;
      }
      const shown = await run(noun, 'show', ...names, '-o', 'name');
      expect(shown).toMatchObject({ code: 0, stderr: '', stdout: `${names.join('\n')}\n` });
      const exported = await run(noun, 'export', ...names, '-o', 'name').then(() =>
        run(noun, 'export', ...names, '-o', 'json'),
      );
      expect(exported.code).toBe(0);
    },
  );

  it.each([
    ['account', 'show', 'lsa/one'],
    ['account', 'show', 'linkedserviceaccounts.k11n.dev/one'],
    ['account', 'export', '--account', 'account/one'],
    ['app', 'status', 'app.k11n.dev/shop'],
    ['get', 'lsa/one'],
    ['describe', 'lsa', 'one'],
    ['lsa', 'get', 'one'],
  ])('kon %s %s %s %s accepts this form of a name', async (...words) => {
    expect(await run(...words.filter(Boolean))).toMatchObject({ code: 0, stderr: '' });
  });

  it('a command refuses the name of an object of another kind, and names the command for that kind', async () => {
    expect(await run('account', 'show', 'app/shop')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"app/shop" does not name an account'),
    });
  });

  it('kon account show prints several objects one after the other, and one List with -o json', async () => {
    const text = await run('account', 'show', 'one', 'two');
    expect(text.stdout.match(/^Account: +(one|two)$/gm)).toHaveLength(2);
    const json = JSON.parse((await run('account', 'show', 'one', 'two', '-o', 'json')).stdout) as object;
    expect(json).toMatchObject({
      kind: 'List',
      items: [{ metadata: { name: 'one' } }, { metadata: { name: 'two' } }],
    });
    expect(await run('account', 'show', 'one', 'two', '--watch')).toMatchObject({ code: 2 });
  });

  it('kon account history prints the history of several objects as one list, with a column for the name', async () => {
    const text = await run('account', 'history', 'lsa/one', 'two');
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toMatch(/^ACCOUNT\tTIME\t/);
    expect(text.stdout).toMatch(/^one\t/m);
    expect(text.stdout).toMatch(/^two\t/m);
    const json = JSON.parse((await run('account', 'history', 'one', 'two', '-o', 'json')).stdout) as object;
    expect(json).toMatchObject({
      kind: 'HistoryList',
      items: [{ of: { name: 'one' } }, { of: { name: 'two' } }],
    });
    expect(await run('app', 'history', 'shop', 'shop')).toMatchObject({ code: 0 });
    expect(await run('app', 'history', 'shop', 'nope')).toMatchObject({ code: 1, stdout: '' });
  });

  it('kon account list shows only the named objects, and fails for a name that does not exist', async () => {
    expect((await run('account', 'list', 'two', '-o', 'name')).stdout).toBe(
      'linkedserviceaccount.k11n.dev/two\n',
    );
    expect(await run('account', 'list', 'two', 'nope')).toMatchObject({ code: 1, stdout: '' });
  });

  it('several objects are deleted together, and none is deleted if a name is wrong', async () => {
    await create(account('old-a'), account('old-b'));
    expect(await run('account', 'delete', 'lsa/old-a', 'nope', '--yes')).toMatchObject({
      code: 1,
      stdout: '',
    });
    expect((await run('account', 'list', 'old-a', '-o', 'name')).code).toBe(0);
    expect(await run('rm', 'lsa', 'old-a', 'old-b', '--yes')).toMatchObject({
      code: 0,
      stdout: 'linkedserviceaccount/old-a deleted\nlinkedserviceaccount/old-b deleted\n',
    });
  });
});

describe('on the command line', () => {
  it.each([
    [['get'], 'Did you mean: kon account list'],
    [['app', 'rename', 'a', 'b'], 'An app cannot be renamed.'],
    [['accont', 'list'], 'Did you mean account?'],
    [['apply', 'file.yaml'], 'kon apply -f file.yaml'],
  ])('kon refuses the wrong arguments %j, and suggests what to enter instead', async (words, text) => {
    const result = await run(...words);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(text);
  });

  it.each([
    [
      ['help', 'account', 'create'],
      ['account', 'create', '--help'],
    ],
    [
      ['help', 'apps', 'rm'],
      ['app', 'delete', '--help'],
    ],
    [
      ['lsa', 'describe', '--help'],
      ['account', 'show', '--help'],
    ],
    [['help'], ['--help']],
  ])('kon with the arguments %j prints the same as with the arguments %j', async (words, canonical) => {
    const [one, other] = await Promise.all([run(...words), run(...canonical)]);
    expect(one).toEqual(other);
    expect(one.code).toBe(0);
  });

  it('help lists the aliases of nouns and verbs', async () => {
    expect((await run('account', '--help')).stdout).toContain(
      'Aliases: accounts, linkedserviceaccount, linkedserviceaccounts, lsa.',
    );
    expect((await run('account', 'list', '--help')).stdout).toContain('Aliases: ls, get.');
  });

  it.each([50, 80])('help wraps between words on a terminal of %i columns', async (columns) => {
    const { screen } = await kon.onTerminal('account edit --help', { columns });
    const [described = ''] = screen.split('Examples:');
    expect(described).toContain('Change an account and wait until');
    expect(described.split(/\r?\n/).filter((line) => line.length > columns)).toEqual([]);
  });

  it('an option that takes one value is refused if the user passes two values', async () => {
    expect(await run('app', 'edit', 'shop', '--account', 'a', '--account', 'b')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--account was given twice: "a" and "b"'),
    });
  });
});

describe('kon version', () => {
  it('prints the versions of kon and the CRDs, and no warning if both have the same schema version', async () => {
    const { code, stdout } = await run('version');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^kon +\d+\.\d+\.\d+ \(schema \d+\)\noperator +no Deployment in this cluster\nCRDs +schema \d+\n$/,
    );
  });

  it('reports each difference between the versions of the operator, the CRDs and kon', async () => {
    await cluster.kubectl(['create', 'namespace', 'konstellation']);
    await cluster.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: {
          namespace: 'konstellation',
          name: 'konstellation',
          labels: { 'app.kubernetes.io/name': 'konstellation' },
        },
        spec: {
          selector: { matchLabels: { a: 'b' } },
          template: {
            metadata: { labels: { a: 'b' } },
            spec: { containers: [{ name: 'operator', image: 'x/kon:9.9.9' }] },
          },
        },
      }),
    );
    await cluster.kubectl(['annotate', 'crd', 'apps.k11n.dev', 'k11n.dev/schema-version=99', '--overwrite']);
    const { stdout } = await run('version');
    expect(stdout).toContain('operator  9.9.9 (konstellation/konstellation)');
    expect(stdout).toContain('the CRDs (schema 99) are newer than this kon');
    expect(stdout).toContain('the operator konstellation/konstellation has version 9.9.9, and this kon has');
    expect(JSON.parse((await run('version', '-o', 'json')).stdout)).toMatchObject({
      kind: 'Version',
      cluster: { schemaVersion: 99, operators: [{ version: '9.9.9' }] },
      skew: [expect.any(String), expect.any(String)],
    });
  });

  it('prints the version of kon without a cluster, and the reason why the versions on the cluster are unknown', async () => {
    const env = { KUBECONFIG: '/nowhere' };
    expect((await kon.run(['version', '--client'], { env })).stdout).toMatch(/^kon +\S+ \(schema \d+\)\n$/);
    const result = await kon.run(['version'], { env });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('(KUBECONFIG_');
  });
});

describe('kon status', () => {
  it('shows on one screen the cluster, the operator, and each object that is not ready', async () => {
    const { code, stdout } = await run('status');
    expect(code).toBe(0);
    expect(stdout).toContain('Cluster:   main (eu-west-1, AWS account 111122223333), not ready\n');
    expect(stdout).toContain('Operator:  not running: no operator has led on this cluster\n');
    expect(stdout).toContain('Accounts:  0 of 2 ready\n');
    expect(stdout).toContain('app shop');
    expect(stdout).toContain('Next: Start the operator: kon install');
    expect(stdout.split('\n').length).toBeLessThan(25);
  });

  it('lists pods without the current identity, and roles that were changed outside Konstellation', async () => {
    const time = new Date().toISOString();
    await cluster.kubectl([
      'patch',
      'lsa',
      'one',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({
        status: {
          observedGeneration: 1,
          targets: [
            { name: 'production', linked: true, proven: true, pods: { current: 1, stale: 2, uninjected: 1 } },
          ],
          conditions: [
            {
              type: 'Ready',
              status: 'True',
              reason: 'Ready',
              message: 'ready',
              observedGeneration: 1,
              lastTransitionTime: time,
            },
          ],
        },
      }),
    ]);
    await cluster.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: 'one.1', namespace: 'default' },
        eventTime: time.replace('Z', '000Z'),
        type: 'Warning',
        reason: 'RoleDrifted',
        note: 'the trust policy was changed',
        action: 'Reconcile',
        reportingController: 'k11n.dev/test',
        reportingInstance: 'test',
        regarding: { apiVersion: 'k11n.dev/v1alpha1', kind: 'LinkedServiceAccount', name: 'one' },
      }),
    );
    const { stdout } = await run('status');
    expect(stdout).toContain('Accounts:  1 of 2 ready\n');
    expect(stdout).toContain('pods in production: 2 with an older identity, 1 without an identity');
    expect(stdout).toContain('the trust policy was changed');
    const json = JSON.parse((await run('status', '-o', 'json')).stdout) as { drift: unknown[] };
    expect(json).toMatchObject({
      kind: 'Status',
      accounts: { total: 2, ready: 1 },
      operator: { running: false },
    });
    expect(json.drift).toHaveLength(2);
  });

  it('names the kinds that the user is not permitted to read', async () => {
    await cluster.kubectl([
      'create',
      'clusterrole',
      'reader',
      '--verb=list',
      '--resource=clusterconfigs.k11n.dev,linkedserviceaccounts.k11n.dev',
    ]);
    await cluster.kubectl([
      'create',
      'clusterrolebinding',
      'reader',
      '--clusterrole=reader',
      '--user=reader',
    ]);
    await untilPermitted(cluster, 'reader', 'list linkedserviceaccounts.k11n.dev');
    const env = { KUBECONFIG: await cluster.userKubeconfig('reader') };
    const { code, stdout } = await kon.run(['status'], { env });
    expect(code).toBe(0);
    expect(stdout).toContain('‼ you are not permitted to read: apps, Leases, Events\n');
    expect(stdout).toContain('Accounts:  1 of 2 ready\n');
  });
});
