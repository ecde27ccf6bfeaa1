/**
 * The page while the cluster has no CRDs, while its API server is down, after it comes back, and when it rejects the
 * user.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { apiVersion, crds, linkedServiceAccounts } from '../../src/api/index.ts';
import { isNotFound, KubeUnreachableError } from '../../src/kube/errors.ts';
import {
  createKubeClient,
  resources,
  staticConnection,
  type KubeClient,
  type KubeObject,
} from '../../src/kube/index.ts';
import {
  startRestartableCluster,
  type RestartableCluster,
} from '../../test/integration/kube/restartable-cluster.ts';
import { eventually } from '../../test/support/eventually.ts';
import { prepareExecutable, type Executable } from '../../test/support/executable.ts';
import { openConsole, startBrowser, untilShown, visit, type Console, type Visitor } from './open-console.ts';
import { mayRead, tokenOfUser, type Kubeconfig } from './users.ts';

let cluster: RestartableCluster;
let executable: Executable;
let browser: Browser;
let client: KubeClient;
let served: Console;
let visitor: Visitor;

beforeAll(async () => {
  [executable, cluster, browser] = await Promise.all([
    prepareExecutable(),
    startRestartableCluster(),
    startBrowser(process.env),
  ]);
  client = createKubeClient(staticConnection({ server: cluster.server, tls: cluster.tls }));
  served = await openConsole((args) => executable.start(args, { env: { KUBECONFIG: cluster.kubeconfig } }));
  visitor = await visit(browser, served.link());
});
afterAll(async () => {
  await browser?.close();
  await served?.process.end('SIGTERM');
  await client?.close();
  await executable?.remove();
  await cluster?.stop();
});

/** Creates an account as soon as the API server responds and serves the LinkedServiceAccount kind. */
const create = (name: string): Promise<unknown> =>
  eventually(`account ${name} to be created`, () =>
    client
      .create<KubeObject>(linkedServiceAccounts, {
        apiVersion,
        kind: 'LinkedServiceAccount',
        metadata: { name },
        spec: { aws: { policyArns: [] } },
      } as KubeObject)
      .catch((error: unknown) => {
        if (isNotFound(error) || error instanceof KubeUnreachableError) return undefined;
        throw error;
      }),
  );

test('on a cluster without the CRDs, a page shows how to install the CRDs, and becomes live once they are installed', async () => {
  const { page } = visitor;
  const shown = await untilShown(page, 'Konstellation is not installed');
  expect(shown).toContain('kon install');
  expect(shown).not.toContain('There is no account');

  for (const crd of crds())
    await client.apply<KubeObject>(resources.customResourceDefinitions, crd, { fieldManager: 'test' });
  const empty = await untilShown(page, /Live .*There is no account\. Create one: kon account create NAME/);
  expect(empty).not.toContain('not installed');
});

test('the page shows the last use of an account as unknown while no operator has processed the account', async () => {
  const { page } = visitor;
  await create('before');
  await untilShown(page, /before \? Unknown unknown /);
  await page.goto(`${served.origin}/accounts/before`);
  const shown = await untilShown(page, 'Last used: unknown');
  expect(shown).not.toContain('never');
});

test('the filter of the list of changes states how many changes it searches', async () => {
  const { page } = visitor;
  const most = 2000;
  await create('crowded');
  // Each condition counts as one change, so a single write of the status fills the page's list.
  const conditions = Array.from({ length: most }, (_, index) => ({
    type: `Type${index}`,
    status: 'True',
    reason: 'Test',
    message: 'a condition',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }));
  await client.patch(
    linkedServiceAccounts,
    { name: 'crowded' },
    { status: { conditions } },
    { type: 'merge', fieldManager: 'test', subresource: 'status' },
  );
  await page.goto(`${served.origin}/changes`);
  const listed = await untilShown(page, 'The list has only the newest 2000 of');
  const total = Number(/newest 2000 of (\d+) changes/.exec(listed)?.[1]);
  expect(total).toBeGreaterThan(most);
  await page.getByLabel('Filter changes').fill('no such change');
  await untilShown(page, `The filter searches only the newest 2000 of ${total} changes.`);
  await page.goto(`${served.origin}/`);
});

test('a page reports that the API server is down, keeps its rows, and is live again when the server is back', async () => {
  const { page } = visitor;
  await untilShown(page, 'before');

  await cluster.kill();
  const shown = await untilShown(page, 'The cluster does not answer. What is shown may be outdated.');
  expect(shown).toContain('before');
  expect(shown).not.toContain('Live');
  expect(await untilShown(page, 'Accounts and targets cannot be read')).toContain('before');
  expect(await page.getByRole('alert').count()).toBe(1);

  await cluster.restart();
  await create('after');
  const live = await untilShown(page, /Live .*after.*before/);
  expect(live).not.toContain('does not answer');
  expect(live).not.toContain('cannot be read');
  expect(live).not.toContain('There is no account');
});

test('a page reports that the cluster rejects its user, and keeps its rows, marked as outdated', async () => {
  const namespace: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'staging' } };
  await client.create(resources.namespaces, namespace);
  const token = await tokenOfUser({ client }, 'viewer', mayRead);
  const config = parse(await readFile(cluster.kubeconfig, 'utf8')) as Kubeconfig;
  for (const each of config.users) each.user = { token };
  const KUBECONFIG = join(executable.folder, 'viewer.kubeconfig');
  await writeFile(KUBECONFIG, stringify(config), { mode: 0o600 });
  const own = await openConsole((args) => executable.start(args, { env: { KUBECONFIG } }));
  const { page, context, complaints } = await visit(browser, own.link());
  await untilShown(page, 'before');

  // The restarted API server signs tokens with another key, so it rejects the user's token.
  await cluster.kill();
  await cluster.restart();
  const shown = await untilShown(
    page,
    'The cluster rejects your credentials. What is shown may be outdated.',
  );
  expect(shown).toContain('before');
  expect(shown).not.toContain('Live');
  expect(await untilShown(page, 'Accounts and targets cannot be read')).toContain('Log in again');
  expect(await page.getByRole('alert').count()).toBe(1);
  expect(complaints).toEqual([]);
  await context.close();
  await own.process.end('SIGTERM');
});
