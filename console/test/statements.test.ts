/**
 * Tests an account's statements on the page. At first, the operator refuses the statements; later, it has the
 * permissions to write them, and applies them.
 */
import {
  CreatePolicyCommand,
  DeleteRolePolicyCommand,
  GetRolePolicyCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiVersion, linkedServiceAccounts, type LinkedServiceAccount } from '../../src/api/index.ts';
import { inlinePolicyName } from '../../src/identity/desired/statements.ts';
import type { Running } from '../../test/support/executable.ts';
import { startPartsAlone, type PartsAlone } from '../../test/support/parts-alone.ts';
import { policies } from '../../test/support/person.ts';
import { openConsole, requestOf, startBrowser, untilShown, visit, type Console } from './open-console.ts';

const orders = { sid: 'ReadOrders', actions: ['sqs:ReceiveMessage'], resources: ['arn:aws:sqs:*:*:orders'] };

let parts: PartsAlone;
let operator: Running;
let browser: Browser;
let served: Console;
let page: Page;
let boundary: string;

beforeAll(async () => {
  [parts, browser] = await Promise.all([startPartsAlone(), startBrowser(process.env)]);
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:*', 'sqs:*'], Resource: '*' }],
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
    spec: {
      deletionPolicy: 'Delete',
      targets: ['production'],
      aws: { policyArns: [policies.readOnly], statements: [orders] },
    },
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

async function json(...args: readonly string[]): Promise<unknown> {
  const { stdout } = await parts.executable.run([...args, '-o', 'json'], {
    env: { ...parts.administrator, KUBECONFIG: parts.cluster.kubeconfig },
  });
  return JSON.parse(stdout);
}

const show = async (): Promise<LinkedServiceAccount> =>
  (await json('account', 'show', 'orders')) as LinkedServiceAccount;

test('refused statements are shown with the reason, in addition to the attached policies', async () => {
  await page.goto(`${served.origin}/accounts/orders`);
  const shown = await untilShown(
    page,
    /✓ attached .*ReadOrders own statement ✕ not applied .*\(StatementsNotAllowed\)/,
  );
  const { status } = await show();
  expect(status?.statements).toMatchObject({ applied: false, reason: 'StatementsNotAllowed' });
  expect(status?.statements?.message).toContain('set spec.aws.allowStatements');
  expect(shown).toContain(`${status?.statements?.message} (StatementsNotAllowed)`);
  expect(shown).toContain(`${policies.readOnly} ✓ attached`);
});

test('statements are shown as applied, with their text from the account, once the operator has written them', async () => {
  await configure({ permissionsBoundaryArn: boundary, allowStatements: true });
  const shown = await untilShown(page, 'ReadOrders own statement ✓ applied');
  expect(shown).not.toContain('StatementsNotAllowed');
  const { status } = await show();
  expect(status?.statements).toMatchObject({ applied: true });
  const RoleName = status?.roleArn?.split('/').at(-1);
  const { PolicyDocument = '' } = await parts.aws.iam.send(
    new GetRolePolicyCommand({ RoleName, PolicyName: inlinePolicyName }),
  );
  expect(decodeURIComponent(PolicyDocument)).toContain('"Sid":"ReadOrders"');

  await page.locator('summary', { hasText: 'ReadOrders' }).click();
  expect(await untilShown(page, 'sqs:ReceiveMessage')).toContain('arn:aws:sqs:*:*:orders');
});

test('the page that shows who can call an action names a statement of the account as the deciding statement', async () => {
  const resource = 'arn:aws:sqs:eu-west-1:210987654321:orders';
  await page.goto(`${served.origin}/who-can?action=sqs:ReceiveMessage&resource=${resource}`);
  await untilShown(page, 'orders ✓ allowed');
  const deciding = page.locator('details', { hasText: 'Decided by statements of orders' });
  await deciding.locator('summary').click();
  expect(await deciding.locator('pre').innerText()).toContain('ReadOrders');
  await page.goto(`${served.origin}/who-can?action=sqs:DeleteMessage&resource=${resource}`);
  await untilShown(page, 'No account may call sqs:DeleteMessage');
});

test('the page and the command line both name an inline policy that others added to a role as the deciding policy', async () => {
  const RoleName = (await show()).status?.roleArn?.split('/').at(-1);
  const PolicyName = 'by-hand';
  const statement = { Effect: 'Allow', Action: 's3:PutObject', Resource: '*' };
  await parts.aws.iam.send(
    new PutRolePolicyCommand({
      RoleName,
      PolicyName,
      PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
    }),
  );
  const resource = 'arn:aws:s3:::orders/1';
  await page.goto(`${served.origin}/who-can?action=s3:PutObject&resource=${resource}`);
  const shown = await untilShown(page, 'orders ✓ allowed');
  expect(shown).toContain(`Decided by inline policy ${PolicyName} of ${RoleName}`);
  expect(shown).not.toContain('cannot be read');

  type Answer = {
    readonly rows?: readonly { readonly account: string; readonly by: unknown }[];
    readonly items?: readonly { readonly account: string; readonly by: unknown }[];
    readonly notEvaluated: readonly string[];
  };
  const answer = (await requestOf(page, `who-can?action=s3:PutObject&resource=${resource}`)) as Answer;
  const printed = (await json('who-can', 's3:PutObject', resource)) as Answer;
  expect(answer.rows?.map(({ account, by }) => ({ account, by }))).toEqual(
    printed.items?.map(({ account, by }) => ({ account, by })),
  );
  expect(answer.notEvaluated).toEqual(printed.notEvaluated);
  expect(shown).toContain(`Not evaluated: ${printed.notEvaluated.join('; ')}.`);
  await parts.aws.iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }));
});
