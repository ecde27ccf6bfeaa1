/**
 * Tests quarantined pods on the page. At first, the operator lacks the permission to deny the pods' sessions; later,
 * the operator has the permission.
 */
import { isDeepStrictEqual } from 'node:util';
import { CreatePolicyCommand } from '@aws-sdk/client-iam';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  apiVersion,
  linkedServiceAccounts,
  quarantines,
  type LinkedServiceAccount,
  type Quarantine,
} from '../../src/api/index.ts';
import { isForbidden, isNotFound } from '../../src/kube/errors.ts';
import { resources, type KubeObject } from '../../src/kube/index.ts';
import { eventually } from '../../test/support/eventually.ts';
import type { Running } from '../../test/support/executable.ts';
import { startPartsAlone, type PartsAlone } from '../../test/support/parts-alone.ts';
import { policies } from '../../test/support/person.ts';
import { accessibilityFaults } from './axe.ts';
import {
  openConsole,
  requestOf,
  startBrowser,
  textOf,
  untilShown,
  visit,
  type Console,
} from './open-console.ts';

const [namespace, name] = ['production', 'orders-0'];

let parts: PartsAlone;
let operator: Running;
let browser: Browser;
let served: Console;
let page: Page;
let boundary: string;
let uid: string;

beforeAll(async () => {
  [parts, browser] = await Promise.all([startPartsAlone(), startBrowser(process.env)]);
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
  });
  const { Policy: policy } = await parts.aws.iam.send(
    new CreatePolicyCommand({ PolicyName: 'boundary', PolicyDocument }),
  );
  boundary = policy?.Arn ?? '';
  operator = parts.startOperator(parts.administrator);
  await configure({ permissionsBoundaryArn: boundary });
  await parts.client.create<LinkedServiceAccount>(linkedServiceAccounts, {
    apiVersion,
    kind: 'LinkedServiceAccount',
    metadata: { name: 'orders' },
    spec: { deletionPolicy: 'Delete', targets: [namespace], aws: { policyArns: [policies.readOnly] } },
  });
  ({ uid } = await createPod());
  await parts.client.create<Quarantine>(quarantines, {
    apiVersion,
    kind: 'Quarantine',
    metadata: { name: 'one-pod' },
    spec: { account: 'orders', requestedBy: 'ann', pods: [{ uid, namespace, name }] },
  });
  served = await openConsole((args) =>
    parts.executable.start(args, { env: { ...parts.administrator, KUBECONFIG: parts.cluster.kubeconfig } }),
  );
  ({ page } = await visit(browser, served.link()));
  await untilShown(page, 'Live');
});
afterAll(async () => {
  await browser?.close();
  await served?.process.end('SIGTERM');
  await operator?.end('SIGKILL');
  await parts?.stop();
});

async function configure(aws: Parameters<PartsAlone['configure']>[0]): Promise<void> {
  await parts.configure({ accountId: parts.accountId, oidcIssuer: parts.cluster.issuer, ...aws });
  await parts.untilConfigured('Ready');
}

/** Creates the pod as soon as the operator has created the namespace and the ServiceAccount. */
async function createPod(): Promise<{ readonly uid: string }> {
  const pod = await eventually('the pod to be created', () =>
    parts.client
      .create<KubeObject>(resources.pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace },
        spec: {
          serviceAccountName: 'orders',
          containers: [{ name: 'main', image: 'registry.k8s.io/pause:3.10' }],
        },
      } as KubeObject)
      .catch((error: unknown) => {
        if (isNotFound(error) || isForbidden(error)) return undefined;
        throw error;
      }),
  );
  return { uid: pod.metadata.uid ?? '' };
}

async function open(path: string, text: string | RegExp): Promise<string> {
  await page.goto(`${served.origin}${path}`);
  return untilShown(page, text);
}

async function show(): Promise<LinkedServiceAccount> {
  const { stdout } = await parts.executable.run(['account', 'show', 'orders', '-o', 'json'], {
    env: { KUBECONFIG: parts.cluster.kubeconfig },
  });
  return JSON.parse(stdout) as LinkedServiceAccount;
}

const classOfBadge = (): Promise<string | null> =>
  page.getByRole('table', { name: 'Pods in quarantine' }).locator('.badge').getAttribute('class');

test('a quarantined pod whose sessions cannot be denied is red on all screens, with the reason that the command line prints', async () => {
  const shown = await open('/accounts/orders', /✕ not denied .*\(PodsNotDenied\)/);
  const account = await eventually('the page to read the account that the command prints', async () => {
    const printed = await show();
    return isDeepStrictEqual(await requestOf(page, 'accounts/orders'), printed) ? printed : undefined;
  });
  const [row] = account.status?.quarantinedPods ?? [];
  expect(row).toMatchObject({ uid, denied: false, reason: 'PodsNotDenied', requestedBy: 'ann' });
  expect(shown).toContain(`${namespace}/${name} ${uid} ✕ not denied`);
  expect(shown).toMatch(/not denied \d+[sm] ago ann /);
  expect(shown).toContain(`${row?.message} (PodsNotDenied)`);
  expect(shown).toContain('Only single pods are in quarantine');
  expect(shown).toContain(`kon account release orders --pod ${uid}`);
  expect(await classOfBadge()).toBe('badge bad');
  expect(await accessibilityFaults(page)).toEqual([]);

  await open('/pods?q=quarantined', `${name} ✕ quarantined, not denied`);
  expect(await accessibilityFaults(page)).toEqual([]);
  const notice = await open(
    `/pods/${namespace}/${name}`,
    'its sessions with the roles of the account are ✕ not denied: ',
  );
  expect(notice).toContain(`${row?.message} (PodsNotDenied)`);
  expect(notice).toContain(`Requested by ann at ${row?.since}`);
  expect(await accessibilityFaults(page)).toEqual([]);
});

test('the screens show, without a reload, when the sessions of a quarantined pod are denied', async () => {
  await configure({ permissionsBoundaryArn: boundary, allowStatements: true });
  await untilShown(page, 'its sessions with the roles of the account are ✓ denied.');
  const shown = await open('/accounts/orders', `${name} ${uid} ✓ denied`);
  expect(shown).not.toContain('PodsNotDenied');
  expect(await classOfBadge()).toBe('badge good');
  expect((await show()).status?.quarantinedPods).toMatchObject([{ uid, denied: true }]);
  await open('/pods?q=quarantined', `${name} ✓ quarantined`);
  await open('/who-can?action=s3:GetObject', `${namespace}/${name} ✓ quarantined`);
});

test('a pod that replaces a quarantined pod under the same name is not marked, and the quarantined pod stays listed', async () => {
  await parts.client.delete(resources.pods, { name, namespace });
  const replacement = await eventually('the first pod to be deleted', () =>
    createPod().catch(() => undefined),
  );
  expect(replacement.uid).not.toBe(uid);
  const shown = await open(`/pods/${namespace}/${name}`, `What may ${namespace}/${name} do in AWS?`);
  expect(shown).not.toContain('quarantine');
  await open('/pods', name);
  expect(await textOf(page)).not.toContain('quarantined');
  await open('/accounts/orders', `${name} ${uid} ✓ denied`);
});
