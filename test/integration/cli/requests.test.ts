/** Requests to the API server: `-v` logs them, and `--as` and `--as-group` impersonate a user and groups. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon, type Result } from './kon.ts';

let cluster: TestControlPlane;
let kon: Kon;
const run = (...args: string[]): Promise<Result> => kon.run(args);

beforeAll(async () => {
  cluster = await startControlPlane();
  kon = await prepareKon({ KUBECONFIG: cluster.kubeconfig });
  await installCrds(cluster, kon);
});

afterAll(async () => {
  await kon?.remove();
  await cluster?.stop();
});

describe('kon -v', () => {
  it('logs the method, path, status and time of each request, but no query, header or body', async () => {
    const listed = await run('-v', 'account', 'list');
    expect(listed.code).toBe(0);
    expect(listed.stderr).toMatch(/^GET \/apis\/k11n\.dev\/v1alpha1\/linkedserviceaccounts 200 \d+ ms$/m);
    const created = await run(
      '-v',
      'account',
      'create',
      'logged',
      '--policy',
      'aws/ReadOnlyAccess',
      '--no-wait',
    );
    expect(created.stderr).toMatch(/^GET \S+\/linkedserviceaccounts\/logged 404 \d+ ms$/m);
    expect(created.stderr).toMatch(/^POST \/apis\/k11n\.dev\/v1alpha1\/linkedserviceaccounts 201 \d+ ms$/m);
    for (const { stderr } of [listed, created]) {
      for (const line of stderr.split('\n').filter((each) => /^[A-Z]+ \//.test(each)))
        expect(line).toMatch(/^[A-Z]+ \/[\w./-]+ \d{3} \d+ ms$/);
      expect(stderr).not.toMatch(/authorization|bearer|ReadOnlyAccess"/i);
    }
    expect((await run('account', 'list')).stderr).not.toContain('GET ');
  });
});

describe('impersonation', () => {
  it('makes requests with the rights of the impersonated user and groups', async () => {
    const denied = await run('account', 'list', '--as', 'dev-1');
    expect(denied.code).toBe(1);
    expect(denied.stderr).toContain('User "dev-1" cannot list');
    const group = ['--as-group', 'developers', '--as-group', 'system:masters'];
    expect((await run('account', 'list', '--as', 'dev-1', ...group)).code).toBe(0);
    expect((await run('--as', 'dev-1', 'account', 'list', '--as-group', 'developers')).code).toBe(1);
  });

  it('refuses groups without a user, because the request would run with your own rights', async () => {
    const result = await run('account', 'list', '--as-group', 'developers');
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('--as-group requires a user');
  });
});

describe('kon explain', () => {
  it('explains a code, lists all codes and offers codes for shell completion, all without a cluster', async () => {
    const offline = { env: { KUBECONFIG: '/nonexistent', HOME: '/nonexistent' } };
    const one = await kon.run(['explain', 'PolicyNotFound'], offline);
    expect(one).toMatchObject({ code: 0, stderr: '' });
    expect(one.stdout).toContain(
      'The managed policy does not exist, or IAM does not allow attaching it to a role.',
    );
    expect(one.stdout).toContain('Next: Correct the ARN or name');
    const all = await kon.run(['explain'], offline);
    expect(all.stdout).toContain('\nNOT_READY\t');
    const wrong = await kon.run(['explain', 'policynot'], offline);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('Did you mean: PolicyNotFound');
    const completed = await kon.run(['__complete', '--', 'explain', ''], offline);
    const names = completed.stdout.split('\n').map((line) => line.split('\t')[0]);
    expect(names).toEqual(expect.arrayContaining(['PolicyNotFound', 'NOT_READY', 'operator-leads']));
  });

  it('explains an error, a reason and a check of doctor, each with a next step', async () => {
    for (const code of ['CLUSTER_UNREACHABLE', 'policynotfound', 'operator-leads']) {
      const text = await kon.run(['explain', code]);
      expect(text, code).toMatchObject({ code: 0, stderr: '' });
      expect(text.stdout).toMatch(/^\S+ is an? .+\.\n\n.+\n\nNext: .+/);
      const json = JSON.parse((await kon.run(['explain', code, '-o', 'json'])).stdout) as {
        items: unknown[];
      };
      expect(json).toMatchObject({ apiVersion: 'cli.k11n.dev/v1', kind: 'ExplanationList' });
      expect(json.items[0]).toMatchObject({
        code: expect.any(String),
        steps: expect.arrayContaining([expect.any(String)]),
      });
    }
  });

  it('suggests the code that was probably meant', async () => {
    const { code, stderr } = await kon.run(['explain', 'PolicyNotFond']);
    expect(code).toBe(1);
    expect(stderr).toContain('Did you mean: PolicyNotFound\n');
  });
});
