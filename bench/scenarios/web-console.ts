/** Measures the web console: the size of the page, and the time to its first view of a large cluster in a real browser. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  apiVersion,
  clusterConfigs,
  linkedServiceAccounts,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import { createKubeClient, loadConnection, resources, type KubeObject } from '../../src/kube/index.ts';
import { startBrowser } from '../../console/browser.ts';
import { baseEnvironment } from '../../sandbox/src/environment.ts';
import { startControlPlane } from '../../test/support/cluster.ts';
import { eventually } from '../../test/support/eventually.ts';
import type { Figure } from '../figure.ts';
import { runningPod, uidOf } from '../scale/running-pod.ts';
import type { Scenario } from '../scenario.ts';
import { policies } from '../world.ts';
import { namespaces, prepareCluster, putAll } from './scale.ts';

const accounts = 5000;
const pods = 10_000;
const size = `${accounts} accounts and ${pods} pods`;

export const webConsole: Scenario = {
  name: 'web console',
  summary: `kon console shows ${size} in Chromium`,
  async run({ kon, note }) {
    const folder = await mkdtemp(join(tmpdir(), 'kon-bench-console-'));
    const [cluster, browser] = await Promise.all([
      startControlPlane({ audit: false }),
      startBrowser(process.env),
    ]);
    const client = createKubeClient(await loadConnection({ kubeconfig: cluster.kubeconfig, env: {} }));
    const etcd = await cluster.etcd();
    let server: ReturnType<typeof spawn> | undefined;
    try {
      await prepareCluster(client);
      await client.create<KubeObject>(clusterConfigs, clusterConfig);
      await putAll(etcd, accounts, (index) => [
        `/registry/k11n.dev/linkedserviceaccounts/account-${index}`,
        account(index),
      ]);
      await putAll(etcd, pods, (index) => {
        const pod = runningPod(index, namespaces, accounts);
        return [`/registry/pods/${pod.metadata.namespace}/${pod.metadata.name}`, pod];
      });
      await untilListed(
        async () => (await client.list(resources.pods, { resourceVersion: '0' })).items.length,
      );

      const env = { ...baseEnvironment(process.env), KUBECONFIG: cluster.kubeconfig, HOME: folder };
      server = spawn(process.execPath, [kon, 'console', '--no-open'], { env });
      let output = '';
      server.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
      const link = (): Promise<string> =>
        eventually('a link of the console', async () =>
          Promise.resolve(/(http\S+#token=\S+)\n$/.exec(output)?.[1]),
        );

      const first = await view(browser, await link());
      const warm = await view(browser, await link());
      const change = await measureChange(browser, await link(), async () => {
        const name = 'account-0';
        await client.patch(
          linkedServiceAccounts,
          { name },
          { spec: { deletionPolicy: 'Retain' } },
          { type: 'merge' },
        );
        await client.create(linkedServiceAccounts, {
          apiVersion,
          kind: 'LinkedServiceAccount',
          metadata: { name: 'aaa-new' },
          spec: { aws: { policyArns: [...policies] } },
        } as KubeObject);
      });
      note(
        `first rows ${warm.rows.toFixed(0)} ms, all rows ${warm.complete.toFixed(0)} ms after the navigation; right after the start of kon ${first.rows.toFixed(0)} ms and ${first.complete.toFixed(0)} ms`,
      );
      return [
        { name: 'console: JavaScript and CSS, gzipped', value: await pageSize(kon), unit: 'kB', bound: 120 },
        { name: `console: first view of ${size}`, value: warm.rows / 1000, unit: 's', bound: 1 },
        { name: `console: all rows of ${size}`, value: warm.complete / 1000, unit: 's' },
        {
          name: 'console: filter of all rows, from the key to the result',
          value: warm.filter,
          unit: 'ms',
          bound: 200,
        },
        { name: 'console: changes of all accounts', value: warm.changes / 1000, unit: 's', bound: 1 },
        {
          name: 'console: a change of the cluster, until it is shown',
          value: change / 1000,
          unit: 's',
          bound: 2,
        },
      ] satisfies readonly Figure[];
    } finally {
      server?.kill('SIGKILL');
      await browser.close();
      await etcd.close();
      await client.close();
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

type Browser = Awaited<ReturnType<typeof startBrowser>>;
type View = {
  readonly rows: number;
  readonly complete: number;
  readonly filter: number;
  readonly changes: number;
};

async function view(browser: Browser, link: string): Promise<View> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const startedAt = performance.now();
  await page.goto(link, { waitUntil: 'commit' });
  await page.locator('.grid-row').first().waitFor();
  const rows = performance.now() - startedAt;
  await page.getByText(String(accounts), { exact: true }).waitFor({ timeout: 60_000 });
  await page.getByText('Live', { exact: true }).waitFor({ timeout: 60_000 });
  const complete = performance.now() - startedAt;
  await page.getByRole('searchbox').focus();
  const filterStartedAt = performance.now();
  await page.keyboard.insertText('account-4999');
  await page.getByText(`1 of ${accounts}`, { exact: true }).waitFor();
  const filter = performance.now() - filterStartedAt;
  const changesStartedAt = performance.now();
  await page.getByRole('link', { name: 'Changes', exact: true }).click();
  await page.locator('.grid-row time').first().waitFor();
  const changes = performance.now() - changesStartedAt;
  await context.close();
  return { rows, complete, filter, changes };
}

async function measureChange(browser: Browser, link: string, change: () => Promise<void>): Promise<number> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(link);
  await page.getByText('Live', { exact: true }).waitFor({ timeout: 60_000 });
  const startedAt = performance.now();
  await change();
  await page.getByRole('link', { name: 'aaa-new' }).waitFor();
  const took = performance.now() - startedAt;
  await context.close();
  return took;
}

async function pageSize(kon: string): Promise<number> {
  const folder = join(dirname(kon), 'console', 'assets');
  let bytes = 0;
  for (const name of await readdir(folder))
    if (/\.(?:js|css)$/.test(name))
      bytes += gzipSync(await readFile(join(folder, name)), { level: 9 }).length;
  return bytes / 1000;
}

async function untilListed(count: () => Promise<number>): Promise<void> {
  await eventually('the API server to list all pods', async () =>
    (await count()) === pods ? true : undefined,
  );
}

const targets = Array.from({ length: namespaces }, (_, index) => `namespace-${index}`);

const clusterConfig = {
  apiVersion,
  kind: 'ClusterConfig',
  metadata: { name: 'bench' },
  spec: { targets, aws: { region: 'eu-west-1', rolePath: '/konstellation/bench/' } },
};

/** Creates an account in the state that the operator would reach: linked and verified in two targets. */
function account(index: number): LinkedServiceAccount {
  const name = `account-${index}`;
  const roleArn = `arn:aws:iam::123456789012:role/konstellation/kon-bench-${name}`;
  const time = '2026-01-01T00:00:00Z';
  return {
    apiVersion,
    kind: 'LinkedServiceAccount',
    metadata: { name, uid: uidOf(name), generation: 1, creationTimestamp: time },
    spec: { aws: { policyArns: [...policies] }, deletionPolicy: 'Delete' },
    status: {
      observedGeneration: 1,
      roleArn,
      ready: '2/2',
      policies: policies.map((arn) => ({ arn, attached: true })),
      targets: [0, 1].map((offset) => ({
        name: `namespace-${(index + offset) % namespaces}`,
        roleArn,
        linked: true,
        proven: true,
        provenAt: time,
        pods: { current: 1, stale: 0, uninjected: 0 },
      })),
      conditions: [
        'Ready',
        'RoleSynced',
        'PoliciesAttached',
        'TargetsLinked',
        'IdentityProven',
        'WorkloadsCurrent',
      ].map((type) => ({
        type,
        status: 'True' as const,
        reason: type,
        message: '1 policy attached; 2 targets linked and proven',
        lastTransitionTime: time,
        observedGeneration: 1,
      })),
    },
  };
}
