/**
 * `--watch` prints the present objects, then each change, for users and programs, and continues after any kind of
 * interruption.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { startFaultProxy, type FaultProxy } from '../kube/fault-proxy.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon } from './kon.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

let cluster: TestControlPlane;
let proxy: FaultProxy;
let kon: Kon;
let names = 0;

beforeAll(async () => {
  cluster = await startControlPlane();
  const { users } = parse(await readFile(cluster.kubeconfig, 'utf8')) as {
    users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
  };
  const { user } = users[0];
  const decoded = (text: string): string => Buffer.from(text, 'base64').toString();
  proxy = await startFaultProxy({
    server: cluster.server,
    tls: {
      ca: cluster.caCertificate,
      cert: decoded(user['client-certificate-data']),
      key: decoded(user['client-key-data']),
    },
  });
  kon = await prepareKon({ KUBECONFIG: cluster.kubeconfig });
  await installCrds(cluster, kon);
});

afterAll(async () => {
  await kon?.remove();
  await proxy?.stop();
  await cluster?.stop();
});

async function create(): Promise<string> {
  names += 1;
  const name = `watched-${names}`;
  await cluster.kubectl(
    ['create', '-f', '-'],
    `apiVersion: k11n.dev/v1alpha1\nkind: LinkedServiceAccount\nmetadata: {name: ${name}}\nspec: {aws: {policyArns: ["${readOnly}"]}}\n`,
  );
  return name;
}

const setReady = (name: string, reason: string): Promise<string> => {
  const condition = {
    type: 'Ready',
    status: 'False',
    reason,
    message: 'it is said why',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const status = JSON.stringify({ status: { conditions: [condition] } });
  return cluster.kubectl(['patch', 'lsa', name, '--subresource=status', '--type=merge', '-p', status]);
};

describe('kon account list --watch', () => {
  it('prints the list, then a row for each visible change, and ends with Ctrl-C', async () => {
    const first = await create();
    const watch = kon.start(['account', 'list', '--watch']);
    await watch.until(first);
    await setReady(first, 'PolicyNotFound');
    await watch.until('PolicyNotFound');
    const second = await create();
    await watch.until(second);
    // This change affects neither the columns nor the output of `show`.
    await cluster.kubectl(['label', 'lsa', second, 'team=payments']);
    await cluster.kubectl(['delete', 'lsa', first]);
    await watch.until('Deleted');
    watch.stop();
    const { code, stdout, stderr } = await watch.finished;
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t').slice(0, 3));
    expect(rows).toEqual([
      ['NAME', 'READY', 'REASON'],
      [first, 'Unknown', 'NotObserved'],
      [first, 'False', 'PolicyNotFound'],
      [second, 'Unknown', 'NotObserved'],
      [first, 'False', 'Deleted'],
    ]);
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
    await cluster.kubectl(['delete', 'lsa', '--all']);
  });

  it('streams objects as JSON, names or YAML documents, and shows the type of each change with --output-watch-events', async () => {
    const first = await create();
    const watches = Object.fromEntries(
      [
        ['json', '-o json --watch'],
        ['name', '-o name --watch'],
        ['yaml', '-o yaml -w'],
        ['events', '-o json --output-watch-events'],
        ['table', '--output-watch-events'],
      ].map(([key = '', options = '']) => [key, kon.start(['account', 'list', ...options.split(' ')])]),
    );
    await Promise.all(Object.values(watches).map((watch) => watch.until(first)));
    const second = await create();
    await Promise.all(Object.values(watches).map((watch) => watch.until(second)));
    await cluster.kubectl(['delete', 'lsa', second]);
    for (const key of ['events', 'table']) await watches[key]?.until('DELETED');
    const output = async (key: string): Promise<string> => {
      watches[key]?.stop();
      return (await watches[key]?.finished)?.stdout ?? '';
    };
    const lines = async (key: string): Promise<readonly string[]> =>
      (await output(key)).trimEnd().split('\n');
    type Line = { type?: string; object?: { metadata: { name: string } }; metadata?: { name: string } };
    expect((await lines('events')).map((line) => JSON.parse(line) as Line)).toMatchObject([
      { type: 'ADDED', object: { metadata: { name: first } } },
      { type: 'ADDED', object: { metadata: { name: second } } },
      { type: 'DELETED', object: { metadata: { name: second } } },
    ]);
    expect((await lines('table')).map((line) => line.split('\t').slice(0, 2))).toEqual([
      ['EVENT', 'NAME'],
      ['ADDED', first],
      ['ADDED', second],
      ['DELETED', second],
    ]);
    expect(
      (await lines('json')).slice(0, 2).map((line) => (JSON.parse(line) as Line).metadata?.name),
    ).toEqual([first, second]);
    expect((await lines('name')).slice(0, 2)).toEqual([
      `linkedserviceaccount.k11n.dev/${first}`,
      `linkedserviceaccount.k11n.dev/${second}`,
    ]);
    const documents = parseAllDocuments(await output('yaml')).map((each) => each.toJS() as Line);
    expect(documents.slice(0, 2).map((each) => each.metadata?.name)).toEqual([first, second]);
    await cluster.kubectl(['delete', 'lsa', '--all']);
  });

  it('begins with the header when there are no objects yet', async () => {
    const watch = kon.start(['account', 'list', '--watch']);
    await watch.until('NAME\tREADY');
    const name = await create();
    await watch.until(name);
    watch.stop();
    expect((await watch.finished).stdout.split('\n')).toHaveLength(3);
  });

  it('continues after an outage of the connection and then of the API server, and prints missed changes once', async () => {
    const kept = await create();
    const gone = await create();
    const config = await kon.file(
      'proxied.yaml',
      [
        'current-context: here',
        'contexts: [{name: here, context: {cluster: c, user: u}}]',
        `clusters: [{name: c, cluster: {server: "${proxy.url}", certificate-authority-data: "${Buffer.from(proxy.ca).toString('base64')}"}}]`,
        'users: [{name: u, user: {}}]',
      ].join('\n'),
    );
    const watch = kon.start(['account', 'list', '--kubeconfig', config, '--output-watch-events']);
    await watch.until(gone);
    proxy.resetAll();
    await setReady(kept, 'RoleNotOwned');
    await watch.until('RoleNotOwned');
    await proxy.down();
    await cluster.kubectl(['delete', 'lsa', gone]);
    const missed = await create();
    // When the server is back, it responds to two requests with 503, as a starting API server does.
    let refusals = 0;
    proxy.setFaults(() => {
      refusals += 1;
      return refusals <= 2 ? { kind: 'status', code: 503 } : undefined;
    });
    await proxy.up();
    await watch.until(missed);
    await setReady(missed, 'AccessDenied');
    await watch.until('AccessDenied');
    watch.stop();
    const { stdout, stderr } = await watch.finished;
    const rows = stdout
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'));
    const of = (name: string): readonly string[] =>
      rows.filter((row) => row[1] === name).map((row) => `${row[0]} ${row[3]}`);
    expect(of(gone)).toEqual(['ADDED NotObserved', 'DELETED Deleted']);
    expect(of(missed)).toEqual(['ADDED NotObserved', 'MODIFIED AccessDenied']);
    expect(of(kept)).toEqual(['ADDED NotObserved', 'MODIFIED RoleNotOwned']);
    expect(stderr).toBe('');
    expect(refusals).toBeGreaterThan(2);
  });

  it('ends without an error message when the reader of its output closes the pipe', async () => {
    await create();
    const child = spawn(process.execPath, [kon.executable, 'account', 'list', '-o', 'name', '--watch'], {
      env: kon.env,
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const closed = once(child, 'close') as Promise<[number | null, string | null]>;
    await once(createInterface({ input: child.stdout }), 'line');
    child.stdout.destroy();
    await create();
    expect(await closed).toEqual([0, null]);
    expect(stderr).toBe('');
  });

  it('keeps columns aligned on a terminal', async () => {
    const name = await create();
    const watch = kon.terminal('account list --watch --no-color', { env: { TERM: 'xterm' } });
    await watch.until(name);
    await setReady(name, 'PolicyNotFound');
    await watch.until('PolicyNotFound');
    watch.type('\u0003');
    const { code, screen } = await watch.finished;
    const lines = screen.split(/\r?\n/);
    const header = lines.find((line) => line.startsWith('NAME')) ?? '';
    const last = lines.find((line) => line.startsWith(name) && line.includes('PolicyNotFound')) ?? '';
    expect(last.indexOf('PolicyNotFound')).toBe(header.indexOf('REASON'));
    expect(code).toBe(130);
  });
});

describe('kon account show --watch', () => {
  it('shows the account again after each change, and ends with an error when the account is deleted', async () => {
    const name = await create();
    const watch = kon.start(['account', 'show', name, '--watch']);
    await watch.until('no operator has processed the object');
    await setReady(name, 'PolicyNotFound');
    await watch.until('False (PolicyNotFound)');
    await cluster.kubectl(['delete', 'lsa', name]);
    const { code, stderr } = await watch.finished;
    expect(code).toBe(1);
    expect(stderr).toContain(`account "${name}" was deleted`);
    const missing = await kon.run(['account', 'show', name, '--watch']);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain(`account "${name}" not found`);
  });
});
