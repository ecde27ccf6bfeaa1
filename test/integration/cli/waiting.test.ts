/** Output of `kon` while it waits for a write to take effect. The test writes statuses in place of the operator. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon } from './kon.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

let cluster: TestControlPlane;
let kon: Kon;

beforeAll(async () => {
  cluster = await startControlPlane();
  kon = await prepareKon({ KUBECONFIG: cluster.kubeconfig });
  await installCrds(cluster, kon);
});

afterAll(async () => {
  await kon?.remove();
  await cluster?.stop();
});

type Said = { type: string; status: 'True' | 'False'; reason: string; message: string };

const say = async (
  resource: string,
  generation: number,
  conditions: readonly Said[],
  more: object = {},
): Promise<void> => {
  const status = {
    observedGeneration: generation,
    ...more,
    conditions: conditions.map((condition) => ({
      ...condition,
      observedGeneration: generation,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    })),
  };
  await cluster.kubectl([
    'patch',
    ...resource.split('/'),
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  ]);
};

const create = (name: string, ...args: string[]): ReturnType<Kon['start']> =>
  kon.start(['account', 'create', name, '--policy', readOnly, '--timeout', '60s', ...args]);

describe('kon after a write', () => {
  it('shows each change until the object is Ready, with data on stdout and progress on stderr', async () => {
    const running = create('waited');
    await running.until('linkedserviceaccount/waited created');
    await say('lsa/waited', 1, [
      { type: 'Ready', status: 'False', reason: 'Proving', message: 'production: not yet' },
      { type: 'RoleSynced', status: 'True', reason: 'InStep', message: 'arn:aws:iam::1:role/kon' },
      { type: 'IdentityProven', status: 'False', reason: 'Proving', message: 'production: not yet' },
    ]);
    await running.until('IdentityProven: not yet, production: not yet (Proving)');
    await say('lsa/waited', 1, [
      { type: 'Ready', status: 'True', reason: 'Ready', message: '1 target proven' },
      { type: 'RoleSynced', status: 'True', reason: 'InStep', message: 'arn:aws:iam::1:role/kon' },
      { type: 'IdentityProven', status: 'True', reason: 'AllProven', message: '1 target proven' },
    ]);
    const result = await running.finished;
    expect(result.code).toBe(0);
    expect(result.stdout).toBe('linkedserviceaccount/waited created\n');
    const lines = result.stderr.trim().split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'RoleSynced: yes, arn:aws:iam::1:role/kon (InStep)',
      'IdentityProven: not yet, production: not yet (Proving)',
      'IdentityProven: yes, 1 target proven (AllProven)',
    ]);
    expect(lines[3]).toMatch(/^account waited is Ready after [0-9]+m?s: 1 target proven$/);
    expect(lines).toHaveLength(4);
  });

  it('prints the final object with -o json, and nothing else on stdout', async () => {
    const running = create('waited-json', '-o', 'json');
    await cluster.kubectl(['wait', '--for=create', 'lsa/waited-json', '--timeout=30s']);
    await say('lsa/waited-json', 1, [{ type: 'Ready', status: 'True', reason: 'Ready', message: 'ok' }], {
      roleArn: 'arn:aws:iam::1:role/x',
    });
    const result = await running.finished;
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({ status: { roleArn: 'arn:aws:iam::1:role/x' } });
  });

  it('ignores conditions of an earlier generation', async () => {
    await create('generations', '--no-wait').finished;
    await say('lsa/generations', 1, [{ type: 'Ready', status: 'True', reason: 'Ready', message: 'old' }]);
    const edited = kon.start(['account', 'edit', 'generations', '--target', 'staging', '--timeout', '60s']);
    await edited.until('linkedserviceaccount/generations edited');
    await say('lsa/generations', 2, [{ type: 'Ready', status: 'True', reason: 'Ready', message: 'new' }]);
    const result = await edited.finished;
    expect(result.code).toBe(0);
    expect(result.stderr).toContain(': new\n');
    expect(result.stderr).not.toContain('old');
  });

  it('stops at once, with exit code 1, at a problem that only a user can solve', async () => {
    const running = create('stuck');
    await running.until('created');
    await say(
      'lsa/stuck',
      1,
      [
        { type: 'Ready', status: 'False', reason: 'PolicyNotFound', message: 'policy not found in IAM' },
        {
          type: 'PoliciesAttached',
          status: 'False',
          reason: 'PolicyNotFound',
          message: 'policy not found in IAM',
        },
      ],
      {
        policies: [
          { arn: readOnly, attached: false, reason: 'PolicyNotFound', message: 'policy not found in IAM' },
        ],
        targets: [{ name: 'production', linked: true, proven: true }],
      },
    );
    const result = await running.finished;
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('Error: account "stuck" was saved but is not Ready: PolicyNotFound');
    expect(result.stderr).toContain(`  policy ${readOnly}: policy not found in IAM (PolicyNotFound)`);
    expect(result.stderr).toContain('Next: Correct the policies: kon account edit stuck');
  });

  it('shows a red cross and the full reason for a final failure if stdout is a terminal', async () => {
    const terminal = kon.terminal(`account create crossed --policy ${readOnly}`, { env: { TERM: 'xterm' } });
    await terminal.until('created');
    const message = `${'policy not found in IAM, '.repeat(8)}and that is the end of the reason`;
    await say('lsa/crossed', 1, [
      { type: 'Ready', status: 'False', reason: 'PolicyNotFound', message },
      { type: 'PoliciesAttached', status: 'False', reason: 'PolicyNotFound', message },
    ]);
    const { code, screen } = await terminal.finished;
    expect(code).toBe(1);
    expect(screen).toContain(`\u001B[31m×\u001B[39m PoliciesAttached  ${message}`);
  });

  it('reports the blocker after the timeout', async () => {
    await create('slow', '--no-wait').finished;
    await say('lsa/slow', 1, [
      { type: 'Ready', status: 'False', reason: 'NamespaceMissing', message: 'staging: no namespace' },
    ]);
    const result = await kon.run(['account', 'edit', 'slow', '--policy', readOnly, '--timeout', '500ms']);
    expect(result.code).toBe(1);
    expect(result.stdout).toBe('linkedserviceaccount/slow unchanged\n');
    expect(result.stderr).toContain('not Ready after 500ms: NamespaceMissing');
    expect(result.stderr).toContain('  staging: no namespace (NamespaceMissing)');
  });

  it('reports that no operator has reconciled the object', async () => {
    const result = await kon.run(['account', 'create', 'unseen', '--policy', readOnly, '--timeout', '500ms']);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('no operator has processed the object yet');
    expect(result.stderr).toContain('to start one: kon operator');
  });

  it('ends on Ctrl-C with exit code 130, and keeps the written object', async () => {
    const running = create('interrupted');
    await running.until('created');
    running.stop();
    const result = await running.finished;
    expect(result.code).toBe(130);
    expect(result.stderr).toContain(
      'Error: interrupted: account "interrupted" was saved, and the operator continues to apply it',
    );
    expect(result.stderr).toContain('Next: Follow the progress: kon account show interrupted --watch');
    expect((await kon.run(['account', 'list', '-o', 'name'])).stdout).toContain('/interrupted\n');
  });

  it('reports that the object was deleted meanwhile', async () => {
    const running = create('vanishing');
    await running.until('created');
    await cluster.kubectl(['delete', 'lsa', 'vanishing']);
    const result = await running.finished;
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('was deleted during the wait');
  });
});

describe('kon apply', () => {
  it('waits for all objects, and reports each failure', async () => {
    const document = (name: string): string =>
      `apiVersion: k11n.dev/v1alpha1\nkind: LinkedServiceAccount\nmetadata: {name: ${name}}\nspec: {aws: {policyArns: ["${readOnly}"]}}\n`;
    const names = ['all-good', 'all-bad', 'all-wrong'];
    const running = kon.start(['apply', '-f', '-', '--timeout', '60s'], {
      input: names.map(document).join('---\n'),
    });
    await running.until('linkedserviceaccount/all-wrong created');
    const said = (reason: string): Said[] => [
      { type: 'Ready', status: reason === 'Ready' ? 'True' : 'False', reason, message: `${reason}!` },
      { type: 'RoleSynced', status: 'True', reason: 'InStep', message: 'arn' },
    ];
    await say('lsa/all-bad', 1, said('PolicyNotFound'));
    await say('lsa/all-wrong', 1, said('RoleNotOwned'));
    await say('lsa/all-good', 1, said('Ready'));
    const result = await running.finished;
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('account all-good: RoleSynced: yes, arn (InStep)\n');
    expect(result.stderr).toContain('account all-good is Ready');
    expect(result.stderr).toContain('Error: 2 of 3 objects were saved but are not Ready');
    expect(result.stderr).toContain('  PolicyNotFound! (PolicyNotFound)');
    expect(result.stderr).toContain('  RoleNotOwned! (RoleNotOwned)');
  });
});

describe('kon account delete', () => {
  it('waits until nothing blocks the deletion, and names what blocks it', async () => {
    await create('held', '--no-wait').finished;
    await cluster.kubectl([
      'patch',
      'lsa',
      'held',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":["k11n.dev/iam-role"]}}',
    ]);
    const running = kon.start(['account', 'delete', 'held', '--yes', '--timeout', '60s']);
    await running.until('held up by k11n.dev/iam-role');
    await say('lsa/held', 2, [
      {
        type: 'Ready',
        status: 'False',
        reason: 'InUse',
        message: 'running pods use this account: production/myapp-1',
      },
    ]);
    await running.until('running pods use this account: production/myapp-1 (InUse)');
    await cluster.kubectl(['patch', 'lsa', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
    const result = await running.finished;
    expect(result).toMatchObject({ code: 0, stdout: 'linkedserviceaccount/held deleted\n' });
  });

  it('exits with 1 after the timeout, and says how to continue', async () => {
    await create('stays', '--no-wait').finished;
    await cluster.kubectl([
      'patch',
      'lsa',
      'stays',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":["k11n.dev/iam-role"]}}',
    ]);
    await say('lsa/stays', 1, [
      {
        type: 'Ready',
        status: 'False',
        reason: 'InUse',
        message: 'running pods use this account: production/myapp-1',
      },
    ]);
    const result = await kon.run(['account', 'delete', 'stays', '--yes', '--timeout', '1s']);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('account "stays" is not deleted after 1s: InUse');
    expect(result.stderr).toContain('kon app edit NAME --no-account');
    expect(result.stderr).toContain('The Lease of the operator shows that no operator runs on this cluster');
    expect(result.stderr).toContain('Next: Find the reason: kon doctor');
    await cluster.kubectl([
      'patch',
      'lsa',
      'stays',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":null}}',
    ]);
  });

  it('reports on Ctrl-C that the deletion continues, and how to see what blocks it', async () => {
    await create('begun', '--no-wait').finished;
    const hold = '{"metadata":{"finalizers":["k11n.dev/iam-role"]}}';
    await cluster.kubectl(['patch', 'lsa', 'begun', '--type=merge', '-p', hold]);
    const running = kon.start(['account', 'delete', 'begun', '--yes', '--timeout', '60s']);
    await running.until('held up by k11n.dev/iam-role');
    running.stop();
    const result = await running.finished;
    expect(result.code).toBe(130);
    expect(result.stderr).toContain(
      'Error: interrupted: the deletion of account "begun" continues in the cluster, and cannot be cancelled',
    );
    expect(result.stderr).toContain('Next: Show what blocks the deletion: kon account show begun');
    await cluster.kubectl([
      'patch',
      'lsa',
      'begun',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":null}}',
    ]);
  });

  it('names, before it asks, the pods and apps that use the account and the effects that cannot be undone', async () => {
    await create('busy', '--no-wait').finished;
    await say('lsa/busy', 1, [{ type: 'Ready', status: 'True', reason: 'Ready', message: '' }], {
      roleArn: 'arn:aws:iam::1:role/busy',
      targets: [
        {
          name: 'production',
          linked: true,
          proven: true,
          pods: { current: 2, stale: 0, uninjected: 0 },
        },
      ],
    });
    await cluster.kubectl(
      ['create', '-f', '-'],
      'apiVersion: k11n.dev/v1alpha1\nkind: App\nmetadata: {name: web}\nspec: {image: nginx, serviceAccount: busy, targets: [{name: production}]}',
    );
    const { screen } = await kon.onTerminal('account delete busy', { input: 'n\n', env: { TERM: 'xterm' } });
    const lines = screen.split('\r\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'In use: 2 running pods in production. The deletion waits until these pods end.',
        '  To remove the account from the app first: kon app edit web --no-account',
        'The role arn:aws:iam::1:role/busy is deleted too, which ends its sessions immediately.',
        'A requested deletion cannot be cancelled, and the account cannot be changed any more.',
      ]),
    );
    expect(screen).toContain('Nothing was deleted.');
    await cluster.kubectl(['delete', 'apps.k11n.dev', 'web']);
  });

  it('does not suggest creating the account if the account does not exist', async () => {
    const result = await kon.run(['account', 'delete', 'nope', '--yes']);
    expect(result.code).toBe(1);
    expect(result.stderr).toBe(
      'Error: account "nope" not found\n\nNext: List the accounts: kon account list\n',
    );
    const edited = await kon.run(['account', 'edit', 'nope', '--policy', readOnly]);
    expect(edited.stderr).toContain('Create the account: kon account create nope');
  });

  it('asks for confirmation, and needs --yes without a terminal', async () => {
    await create('asked', '--no-wait').finished;
    const result = await kon.run(['account', 'delete', 'asked']);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('Pass --yes to confirm.');
    expect((await kon.run(['account', 'list', '-o', 'name'])).stdout).toContain('/asked\n');
  });

  it('returns at once with --no-wait', async () => {
    await create('quick', '--no-wait').finished;
    const result = await kon.run(['account', 'delete', 'quick', '--yes', '--no-wait']);
    expect(result).toEqual({
      code: 0,
      stdout: 'linkedserviceaccount/quick deletion requested\n',
      stderr: '',
    });
  });
});

describe('kon target', () => {
  it('adds a target to the ClusterConfig, and waits for its namespace', async () => {
    const none = await kon.run(['target', 'list']);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('this cluster has no ClusterConfig');
    await cluster.kubectl(
      ['create', '-f', '-'],
      'apiVersion: k11n.dev/v1alpha1\nkind: ClusterConfig\nmetadata: {name: test}\nspec: {targets: [production], aws: {region: us-west-2}}',
    );
    const running = kon.start(['target', 'create', 'staging', '--timeout', '60s']);
    await running.until('target/staging created');
    await cluster.kubectl(['create', 'namespace', 'staging']);
    expect(await running.finished).toMatchObject({ code: 0, stderr: 'The namespace staging exists.\n' });
    const again = await kon.run(['target', 'create', 'staging']);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('target "staging" already');
    const wrong = await kon.run(['target', 'create', 'Staging!']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('invalid target name "Staging!"');
    const { stdout } = await kon.run(['target', 'list']);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(rows.map((row) => row.slice(0, 2))).toEqual([
      ['NAME', 'NAMESPACE'],
      ['production', 'Missing'],
      ['staging', 'Active'],
    ]);
  });

  it('reports a target whose namespace is not created in time', async () => {
    const result = await kon.run(['target', 'create', 'nowhere', '--timeout', '500ms']);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('target "nowhere" was saved but has no namespace after 500ms');
  });
});
