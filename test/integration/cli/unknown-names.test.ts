/**
 * Names that do not exist are refused before anything is saved, unless --force is passed. These tests use the real
 * executable.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, untilPermitted, type TestControlPlane } from '../../support/cluster.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon, type Result } from './kon.ts';

let cluster: TestControlPlane;
let kon: Kon;
const run = (command: string, input?: string): Promise<Result> =>
  kon.run(command.split(' '), input === undefined ? {} : { input });
const objects = (): Promise<string> =>
  cluster.kubectl(['get', 'clusterconfigs,lsa,apps.k11n.dev', '-o', 'json']);

const manifest = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind,
  metadata: { name },
  spec,
});
const list = (...items: object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const app = (name: string, serviceAccount: string, target: string): object =>
  manifest('App', name, { image: 'nginx', serviceAccount, targets: [{ name: target }] });
const account = (name: string, spec: object = {}): object =>
  manifest('LinkedServiceAccount', name, { aws: { policyArns: [] }, ...spec });
const config = (...targets: string[]): object =>
  manifest('ClusterConfig', 'main', { targets, aws: { region: 'eu-west-1' } });

beforeAll(async () => {
  cluster = await startControlPlane({ audit: false });
  kon = await prepareKon({ KUBECONFIG: cluster.kubeconfig });
  await installCrds(cluster, kon);
  await cluster.kubectl(
    ['create', '-f', '-'],
    list(config('production'), account('orders'), app('shop', 'orders', 'production')),
  );
});

afterAll(async () => {
  await kon?.remove();
  await cluster?.stop();
});

describe('a name that does not exist', () => {
  it.each([
    [
      'account create new --policy aws/AmazonS3ReadOnlyAcess',
      'AWS has no managed policy aws/AmazonS3ReadOnlyAcess; did you mean aws/AmazonS3ReadOnlyAccess?',
    ],
    [
      'account create new --policy aws/AWSLambdaBasicExecutionRole',
      'AWS has no managed policy aws/AWSLambdaBasicExecutionRole; did you mean aws/service-role/AWSLambdaBasicExecutionRole?',
    ],
    [
      'account edit orders --add-policy arn:aws:iam::aws:policy/AmazonSQSFullAcces',
      'did you mean arn:aws:iam::aws:policy/AmazonSQSFullAccess?',
    ],
    [
      'account create new --policy aws/ReadOnlyAccess --target prodution',
      'target "prodution" does not exist; did you mean production?',
    ],
    [
      'account edit orders --target elsewhere',
      'LinkedServiceAccount "orders": target "elsewhere" does not exist\n',
    ],
    ['app create new --image nginx --account order', 'account "order" does not exist; did you mean orders?'],
    ['app create new --image nginx --target staging', 'App "new": target "staging" does not exist\n'],
    ['app edit shop --account nobody', 'App "shop": account "nobody" does not exist\n'],
  ])('is refused by kon %s', async (command, problem) => {
    const before = await objects();
    const refused = await run(`${command} --no-wait`);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(problem);
    expect(refused.stderr).toContain('--force');
    expect(await objects()).toBe(before);
  });

  it('is refused by kon apply, which lists every unknown name in all objects', async () => {
    const before = await objects();
    const text = list(account('new', { targets: ['nowhere'] }), app('web', 'missing', 'production'));
    for (const more of ['', ' --dry-run']) {
      const refused = await run(`apply -f - --no-wait${more}`, text);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain('LinkedServiceAccount "new": target "nowhere" does not exist');
      expect(refused.stderr).toContain('App "web": account "missing" does not exist');
    }
    expect(await objects()).toBe(before);
  });

  it('opens the editor again with the problem at the top', async () => {
    const editor = await kon.editor(
      'misspelt',
      `cp "$1" ${kon.folder}/seen; grep -q '^#! ' "$1" && exit 3; sed -i 's/serviceAccount: orders/serviceAccount: orderz/' "$1"`,
    );
    const result = await kon.run(['app', 'edit', 'shop', '--no-wait'], { env: { KON_EDITOR: editor } });
    expect(result.code).not.toBe(0);
    const text = await kon.run(['app', 'export', 'shop', '-o', 'json']);
    expect(text.stdout).toContain('"orders"');
    expect(
      await import('node:fs/promises').then((fs) => fs.readFile(`${kon.folder}/seen`, 'utf8')),
    ).toContain('account "orderz" does not exist; did you mean orders?');
  });
});

describe('the check of names', () => {
  it('accepts an unknown name with --force', async () => {
    expect(await run('app create forced --image nginx --account later --no-wait --force')).toMatchObject({
      code: 0,
      stdout: 'app/forced created\n',
    });
    expect(
      (await run('account create forced --policy aws/NotYetKnown --target later --no-wait --force')).code,
    ).toBe(0);
  });

  it('accepts an unknown name that the stored object already contains', async () => {
    expect((await run('app edit forced --tag 2 --no-wait')).code).toBe(0);
    expect((await run('account edit forced --add-policy aws/ReadOnlyAccess --no-wait')).code).toBe(0);
  });

  it('accepts the name of an object that the same kon apply creates', async () => {
    const text = list(
      app('together', 'fresh', 'added'),
      account('fresh', { targets: ['added'] }),
      config('production', 'added'),
    );
    expect(await run('apply -f - --no-wait', text)).toMatchObject({ code: 0, stderr: '' });
  });

  it('accepts every name if the user is not permitted to read the ClusterConfig', async () => {
    const rules = ['--verb=get,create,patch', '--resource=linkedserviceaccounts.k11n.dev'];
    await cluster.kubectl(['create', 'clusterrole', 'writes', ...rules]);
    await cluster.kubectl(['create', 'clusterrolebinding', 'writes', '--clusterrole=writes', '--user=dev']);
    await untilPermitted(cluster, 'dev', 'create linkedserviceaccounts.k11n.dev');
    expect(
      await run('account create blind --policy aws/ReadOnlyAccess --target unseen --no-wait --as dev'),
    ).toMatchObject({ code: 0, stdout: 'linkedserviceaccount/blind created\n' });
  });
});

describe('kon account can-i', () => {
  it.each([
    ['sqs:SendMesage', 'AWS has no action "sqs:SendMesage"', 'Did you mean sqs:SendMessage?'],
    ['sqss:SendMessage', 'AWS has no service "sqss" with IAM actions', 'Did you mean sqs:SendMessage?'],
  ])('refuses the action %s', async (action, message, advice) => {
    const refused = await run(`account can-i orders ${action}`);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain(message);
    expect(refused.stderr).toContain(advice);
    expect((await run(`account can-i orders ${action} --force`)).stderr).not.toContain('AWS has no');
  });
});
