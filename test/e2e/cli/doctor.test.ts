/** `kon doctor` on a complete installation, first without faults and then with one fault at a time. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import { eventually } from '../../support/eventually.ts';
import { startSandbox, type TestSandbox } from '../../support/sandbox.ts';
import { policies } from '../../support/person.ts';

let sandbox: TestSandbox;

beforeAll(async () => {
  sandbox = await startSandbox();
});

afterAll(() => sandbox?.stop());

type Report = {
  readonly healthy: boolean;
  readonly checks: readonly { readonly id: string; readonly status: string; readonly message?: string }[];
};

async function examine(): Promise<Report> {
  const operator = `arn:aws:iam::${sandbox.description.accountId}:user/konstellation-operator`;
  const { stdout } = await sandbox.kon(['doctor', '-o', 'json', '--operator-arn', operator]);
  return JSON.parse(stdout) as Report;
}

const problems = ({ checks }: Report): readonly string[] =>
  checks.filter(({ status }) => status !== 'ok').map(({ id, status }) => `${id} ${status}`);

/** Expected in every report: nothing limits what the sandbox's operator can grant, so that users can try any policy. */
const unbounded = 'operator-fence warning';

it('kon doctor reports no fault in a healthy installation, where a new pod gets its identity', async () => {
  await sandbox.kon(['account', 'create', 'healthy', '--policy', policies.readOnly]);
  const report = await examine();
  expect(problems(report)).toEqual([unbounded]);
  expect(report.healthy).toBe(true);
  expect(report.checks.find(({ id }) => id === 'webhook-injects')?.message).toMatch(/^as \w+\/healthy$/);
});

it('the installed ClusterRoles extend the ClusterRole `view`, so that users with this role can read accounts', async () => {
  type ClusterRole = KubeObject & { readonly rules?: readonly { readonly apiGroups?: readonly string[] }[] };
  await eventually('the role view to have grown', async () => {
    const { rules } = await sandbox.client.get<ClusterRole>(resources.clusterRoles, { name: 'view' });
    return rules?.some(({ apiGroups }) => apiGroups?.includes('k11n.dev')) ? true : undefined;
  });
});

it('kon doctor reports an account that is not Ready, and a webhook that does not answer', async () => {
  await sandbox.kon([
    'account',
    'create',
    'sick',
    '--policy',
    'arn:aws:iam::aws:policy/NoSuchPolicy',
    '--force',
  ]);
  expect(problems(await examine())).toEqual([unbounded, 'accounts error']);
  await sandbox.kon(['account', 'delete', 'sick', '--yes']);
  const webhook = sandbox.description.parts.find(({ name }) => name === 'webhook');
  process.kill(webhook?.pid ?? 0, 'SIGKILL');
  expect(problems(await examine())).toEqual([unbounded, 'webhook-injects error']);
});
