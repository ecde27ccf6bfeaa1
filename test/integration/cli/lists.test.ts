/** Lists that the real `kon` executable prints: selection, order, templates, and which pod uses which role. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, untilPermitted, type TestControlPlane } from '../../support/cluster.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon, type Result } from './kon.ts';

const s3 = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const role = (name: string): string =>
  `arn:aws:iam::111122223333:role/konstellation/kon-main-${name}-1a2b3c4d`;
const time = '2026-01-01T00:00:00Z';

let cluster: TestControlPlane;
let kon: Kon;
const run = (...args: string[]): Promise<Result> => kon.run(args);
const namesOf = async (...args: string[]): Promise<readonly string[]> =>
  (await run(...args, '-o', 'name')).stdout
    .split('\n')
    .filter(Boolean)
    .map((name) => name.split('/')[1]!);

const ready = (status: 'True' | 'False', reason: string): object => ({
  observedGeneration: 1,
  conditions: [
    { type: 'Ready', status, reason, message: 'as it is', observedGeneration: 1, lastTransitionTime: time },
  ],
});

async function create(kind: string, name: string, spec: object, labels: object = {}): Promise<void> {
  await cluster.kubectl(
    ['create', '-f', '-'],
    JSON.stringify({ apiVersion: 'k11n.dev/v1alpha1', kind, metadata: { name, labels }, spec }),
  );
}

async function setStatus(resource: string, name: string, status: object): Promise<void> {
  await cluster.kubectl([
    'patch',
    resource,
    name,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  ]);
}

/** Creates a pod as it is after the webhook has mutated it. */
async function createPod(namespace: string, name: string, account: string, held?: string): Promise<void> {
  const env = held
    ? [
        { name: 'AWS_ROLE_ARN', value: held },
        {
          name: 'AWS_WEB_IDENTITY_TOKEN_FILE',
          value: '/var/run/secrets/eks.amazonaws.com/serviceaccount/token',
        },
      ]
    : [];
  await cluster.kubectl(
    ['create', '-f', '-'],
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace, name, labels: { 'k11n.dev/app': 'shop' } },
      spec: {
        serviceAccountName: account,
        automountServiceAccountToken: false,
        containers: [
          {
            name: 'shop',
            image: 'nginx',
            env,
            ...(held
              ? {
                  volumeMounts: [
                    {
                      name: 'aws-iam-token',
                      mountPath: '/var/run/secrets/eks.amazonaws.com/serviceaccount',
                      readOnly: true,
                    },
                  ],
                }
              : {}),
          },
        ],
        ...(held
          ? {
              volumes: [
                {
                  name: 'aws-iam-token',
                  projected: {
                    sources: [
                      {
                        serviceAccountToken: {
                          audience: 'sts.amazonaws.com',
                          expirationSeconds: 86400,
                          path: 'token',
                        },
                      },
                    ],
                  },
                },
              ],
            }
          : {}),
      },
    }),
  );
}

beforeAll(async () => {
  cluster = await startControlPlane();
  kon = await prepareKon({ KUBECONFIG: cluster.kubeconfig });
  await installCrds(cluster, kon);
  const targets = ['production', 'staging'];
  await create('ClusterConfig', 'main', { targets, aws: { region: 'eu-west-1', accountId: '111122223333' } });
  await create('LinkedServiceAccount', 'b-everywhere', { aws: { policyArns: [s3] } }, { team: 'payments' });
  await create('LinkedServiceAccount', 'a-staging', {
    targets: ['staging'],
    aws: { policyNames: ['aws/AdministratorAccess'] },
  });
  await create('LinkedServiceAccount', 'c-broken', { targets: ['production'], aws: { policyArns: [] } });
  await create('App', 'shop', {
    image: 'nginx',
    serviceAccount: 'b-everywhere',
    targets: [{ name: 'production' }],
  });
  await create('App', 'plain', { image: 'nginx', targets: [{ name: 'staging' }] }, { team: 'web' });
  const target = (name: string, account: string): object => ({
    name,
    linked: true,
    proven: true,
    roleArn: role(account),
  });
  await setStatus('lsa', 'b-everywhere', {
    ...ready('True', 'Ready'),
    roleArn: role('b-everywhere'),
    attached: '1/1',
    policies: [{ arn: s3, attached: true }],
    targets: targets.map((name) => target(name, 'b-everywhere')),
  });
  await setStatus('lsa', 'a-staging', {
    ...ready('True', 'AwaitingFirstPod'),
    targets: [target('staging', 'a-staging')],
  });
  await setStatus('lsa', 'c-broken', ready('False', 'PolicyNotFound'));
  await setStatus('apps.k11n.dev', 'plain', ready('True', 'Ready'));
  for (const namespace of targets) {
    await cluster.kubectl(['create', 'namespace', namespace]);
    for (const account of ['default', 'b-everywhere', 'a-staging', 'foreign'])
      await cluster.kubectl(['create', 'serviceaccount', account, '-n', namespace]);
  }
  await createPod('production', 'current', 'b-everywhere', role('b-everywhere'));
  await createPod('production', 'older', 'b-everywhere', role('older'));
  await createPod('production', 'missed', 'b-everywhere');
  await createPod('staging', 'elsewhere', 'a-staging', role('a-staging'));
  await createPod('staging', 'other', 'foreign', 'arn:aws:iam::111122223333:role/load-balancer');
  await createPod('staging', 'without', 'default');
});

afterAll(async () => {
  await kon?.remove();
  await cluster?.stop();
});

describe('the selection of objects', () => {
  it.each([
    [['account', 'list', '--not-ready'], ['c-broken']],
    [
      ['account', 'list', '--target', 'staging'],
      ['a-staging', 'b-everywhere'],
    ],
    [['account', 'list', '-t', 'production', '--not-ready'], ['c-broken']],
    [['account', 'list', '--policy', 'AdministratorAccess'], ['a-staging']],
    [['account', 'list', '--policy', s3], ['b-everywhere']],
    [['account', 'list', '--policy', 'AmazonS3*'], ['b-everywhere']],
    [['account', 'list', '-l', 'team=payments'], ['b-everywhere']],
    [
      ['account', 'list', '--selector', '!team'],
      ['a-staging', 'c-broken'],
    ],
    [['account', 'list', '--policy', 'Nothing'], []],
    [['app', 'list', '--account', 'lsa/b-everywhere'], ['shop']],
    [['app', 'list', '--not-ready'], ['shop']],
    [['app', 'list', '--target', 'staging'], ['plain']],
    [['app', 'list', '-l', 'team in (web)'], ['plain']],
    [['target', 'list', 'staging'], ['staging']],
    [['target', 'list', '--not-ready'], []],
  ])('kon %j lists %j', async (args, names) => {
    expect(await namesOf(...args)).toEqual(names);
  });

  it('also applies to the changes that --watch prints', async () => {
    const running = kon.start([
      'account',
      'list',
      '--policy',
      'AdministratorAccess',
      '--watch',
      '-o',
      'name',
    ]);
    await running.until('a-staging');
    await cluster.kubectl(['annotate', 'lsa', 'b-everywhere', 'example.com/touched=1']);
    await cluster.kubectl(['annotate', 'lsa', 'a-staging', 'example.com/touched=1']);
    await running.until('a-staging\nlinkedserviceaccount.k11n.dev/a-staging');
    running.stop();
    const { stdout } = await running.finished;
    expect(stdout).not.toContain('b-everywhere');
  });
});

describe('--sort-by', () => {
  it('sorts by a column or by a path, and the error for an unknown column lists all columns', async () => {
    expect(await namesOf('account', 'list', '--sort-by', 'reason')).toEqual([
      'a-staging',
      'c-broken',
      'b-everywhere',
    ]);
    expect(await namesOf('account', 'list', '--sort-by', '.metadata.uid')).toHaveLength(3);
    expect(await namesOf('account', 'list', '--sort-by', '{.status.attached}')).toEqual([
      'a-staging',
      'c-broken',
      'b-everywhere',
    ]);
    expect(await run('account', 'list', '--sort-by', 'colour')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Pass one of name, ready, reason, role, targets, policies, created'),
    });
    expect((await run('account', 'list', '--sort-by', 'name', '--watch')).code).toBe(2);
  });
});

describe('an output template', () => {
  it.each([
    '{.items[*].metadata.name}',
    '{range .items[*]}{.metadata.name}{"\\t"}{.status.roleArn}{"\\n"}{end}',
    '{.items[?(@.metadata.name=="c-broken")].status.conditions[?(@.type=="Ready")].reason}',
    '{.items[0].spec}',
    '{.kind}: {.items[-1:].metadata.name} {.missing}',
    "{.items[*]['metadata'].labels.team}",
    '{..policyArns}',
  ])('of -o jsonpath=%s prints what kubectl prints', async (template) => {
    const ours = await run('account', 'list', '-o', `jsonpath=${template}`);
    expect(ours).toMatchObject({ code: 0, stderr: '' });
    expect(ours.stdout).toBe(await cluster.kubectl(['get', 'lsa', '-o', `jsonpath=${template}`]));
  });

  it('of -o jsonpath prints a field of one object', async () => {
    const path = 'jsonpath={.status.roleArn}';
    expect((await run('account', 'show', 'b-everywhere', '-o', path)).stdout).toBe(role('b-everywhere'));
    expect((await run('account', 'list', 'b-everywhere', `--output=${path}`)).stdout).toBe('');
  });

  it('of -o custom-columns prints the values that kubectl prints', async () => {
    const columns =
      'custom-columns=NAME:.metadata.name,ROLE:.status.roleArn,TEAM:.metadata.labels.team,POLICIES:.spec.aws.policyArns[*]';
    const cells = (text: string): readonly (readonly string[])[] =>
      text
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s+/));
    const ours = await run('account', 'list', '-o', columns);
    expect(ours).toMatchObject({ code: 0, stderr: '' });
    expect(cells(ours.stdout)).toEqual(cells(await cluster.kubectl(['get', 'lsa', '-o', columns])));
  });

  it.each(['jsonpath', 'jsonpath={.a', 'custom-columns', 'custom-columns=NAME', 'table=x'])(
    'that is missing or invalid, as in -o %s, is refused before kon contacts the cluster',
    async (format) => {
      const result = await kon.run(['account', 'list', '-o', format], { env: { KUBECONFIG: '/nowhere' } });
      expect(result).toMatchObject({ code: 2, stdout: '' });
    },
  );
});

describe('the list of pods', () => {
  const rows = async (...args: string[]): Promise<readonly (readonly string[])[]> =>
    (await run(...args)).stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'));

  it('of kon account pods shows the role that each pod holds, including roles from other tools', async () => {
    const found = await rows('account', 'pods');
    expect(found.map(([target, name, , , , identity, holds]) => [target, name, identity, holds])).toEqual(
      expect.arrayContaining([
        ['production', 'current', 'current', role('b-everywhere')],
        ['production', 'older', 'stale', role('older')],
        ['production', 'missed', 'uninjected', expect.stringContaining('no identity of its own')],
        ['staging', 'elsewhere', 'current', role('a-staging')],
        ['staging', 'other', 'none wanted', 'arn:aws:iam::111122223333:role/load-balancer'],
      ]),
    );
    expect(found.map(([, name]) => name)).not.toContain('without');
    const header = (await run('account', 'pods')).stdout.split('\n')[0];
    expect(header).toBe('TARGET\tNAME\tREADY\tSTATE\tRESTARTS\tIDENTITY\tHOLDS\tCREATED\tAPP\tACCOUNT');
  });

  it('of kon account pods can be restricted to an account, a target or an identity', async () => {
    expect(await namesOf('account', 'pods', 'b-everywhere', '--not-current')).toEqual(
      expect.arrayContaining(['older', 'missed']),
    );
    expect(await namesOf('account', 'pods', 'b-everywhere', '--not-current')).toHaveLength(2);
    expect(await namesOf('account', 'pods', '--target', 'staging', '--sort-by', 'name')).toEqual([
      'elsewhere',
      'other',
    ]);
    expect(await run('account', 'pods', '--target', 'nope')).toMatchObject({ code: 1, stdout: '' });
  });

  it('of kon app pods without a name contains the pods of all apps', async () => {
    const found = await rows('app', 'pods', '--sort-by', 'name');
    expect(found.map(([target, name, , , , identity]) => [target, name, identity])).toEqual([
      ['production', 'current', 'current'],
      ['production', 'missed', 'uninjected'],
      ['production', 'older', 'stale'],
    ]);
    expect(await rows('app', 'pods', 'shop', '--sort-by', 'name')).toEqual(found);
  });

  it('names the targets in which the user is not permitted to list pods, and shows the pods of all other targets', async () => {
    await cluster.kubectl([
      'create',
      'clusterrole',
      'accounts',
      '--verb=get,list',
      '--resource=linkedserviceaccounts.k11n.dev,clusterconfigs.k11n.dev',
    ]);
    await cluster.kubectl([
      'create',
      'clusterrolebinding',
      'accounts',
      '--clusterrole=accounts',
      '--user=dev',
    ]);
    await cluster.kubectl(['create', 'role', 'pods', '-n', 'staging', '--verb=list', '--resource=pods']);
    await cluster.kubectl(['create', 'rolebinding', 'pods', '-n', 'staging', '--role=pods', '--user=dev']);
    await untilPermitted(
      cluster,
      'dev',
      'list linkedserviceaccounts.k11n.dev',
      'list pods --namespace=staging',
    );
    const env = { KUBECONFIG: await cluster.userKubeconfig('dev') };
    const result = await kon.run(['account', 'pods', '-o', 'name'], { env });
    expect(result).toMatchObject({ code: 0, stderr: '‼ you are not permitted to list pods in production\n' });
    expect(result.stdout).toContain('pod/elsewhere');
  });
});

describe('tables', () => {
  it.each([60, 80, 120])('fit into a terminal of %i columns, with whole names', async (columns) => {
    for (const command of [
      'account list',
      'app list',
      'account pods',
      'app pods',
      'target list',
      'status',
      'account show b-everywhere',
      'account show b-everywhere --details',
      'app status plain',
      'app status plain --details',
      'account history b-everywhere',
      'policies search s3',
    ]) {
      const { screen } = await kon.onTerminal(`${command} --no-color`, { columns });
      const long = screen
        .split(/\r*\n/)
        .filter((line) => line.length > columns && !/^(Role|Message|Operator|Cluster|Next):/.test(line));
      expect(long, command).toEqual([]);
    }
  });

  it.each(['account pods', 'app pods'])(
    'of pods show each role and account on a terminal of 80 columns: kon %s',
    async (command) => {
      const { screen } = await kon.onTerminal(`${command} --no-color`, { columns: 80 });
      const [header = '', ...lines] = screen.trimEnd().split(/\r*\n/);
      const shown = header.trimEnd().split(/ {2,}/);
      expect(shown.filter((name) => !['READY', 'STATE', 'APP'].includes(name))).toEqual([
        'TARGET',
        'NAME',
        'IDENTITY',
        'HOLDS',
        'ACCOUNT',
      ]);
      const cells = lines.map((line) => line.trimEnd().split(/ {2,}/));
      const valueOf = (pod: string, name: string): string | undefined =>
        cells.find((line) => line[shown.indexOf('NAME')] === pod)?.[shown.indexOf(name)];
      expect(valueOf('older', 'HOLDS')).toBe('kon-main-older-1a2b3c4d');
      expect(valueOf('current', 'HOLDS')).toMatch(/^(?:…n|kon-main)-b-everywhere-1a2b3c4d$/);
      expect(valueOf('missed', 'HOLDS')).toBe('no identity of its own');
      expect(valueOf('current', 'ACCOUNT')).toBe('b-everywhere');
    },
  );

  it('of policies omit an ARN that does not fit, and otherwise show the whole ARN', async () => {
    const narrow = await kon.onTerminal('policies search s3 --no-color', { columns: 80 });
    expect(narrow.screen).toContain('AmazonS3ReadOnlyAccess');
    expect(narrow.screen).not.toMatch(/ARN|…/);
    const wide = await kon.onTerminal('policies search s3 --no-color', { columns: 200 });
    expect(wide.screen).toContain(s3);
    expect((await run('policies', 'search', 's3')).stdout).toContain(`AmazonS3ReadOnlyAccess\t${s3}\t`);
  });

  it('contain complete values when they are piped', async () => {
    expect((await run('account', 'list')).stdout).toContain(`\t${role('b-everywhere')}\t`);
  });

  it('of kubectl show the number of attached policies, not their ARNs', async () => {
    const table = await cluster.kubectl(['get', 'lsa', 'b-everywhere']);
    expect(table.split('\n')[0]?.split(/\s{2,}/)).toEqual([
      'NAME',
      'READY',
      'REASON',
      'ROLE',
      'TARGETS',
      'POLICIES',
      'AGE',
    ]);
    expect(table).toContain(' 1/1 ');
    expect(table).not.toContain(s3);
    expect(await cluster.kubectl(['get', 'lsa', 'b-everywhere', '-o', 'wide'])).toContain(s3);
  });
});

describe('kubectl explain', () => {
  it("describes every field of an app's spec and an account's status", async () => {
    expect(await cluster.kubectl(['explain', 'apps.k11n.dev.spec', '--recursive=false'])).not.toContain(
      '<no description>',
    );
    expect(await cluster.kubectl(['explain', 'lsa.status'])).not.toContain('<no description>');
  });
});

describe('kon account list --unused', () => {
  const daysAgo = (days: number): string =>
    new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
  const unused = (period: string, ...args: string[]): Promise<Result> =>
    run('account', 'list', '--unused', period, '-o', 'name', ...args);
  const name = (account: string): string => `linkedserviceaccount.k11n.dev/${account}\n`;
  const unknown = '1 account is not listed, because its last use is unknown: c-broken\n';
  const driftChecked = (status: 'True' | 'False'): Promise<void> =>
    setStatus('clusterconfigs', 'main', {
      conditions: [
        {
          type: 'DriftChecked',
          status,
          reason: status === 'True' ? 'DriftChecked' : 'AccessDenied',
          message: 'roles could not be listed',
          lastTransitionTime: time,
        },
      ],
    });

  beforeAll(async () => {
    await setStatus('lsa', 'b-everywhere', { lastUsed: { date: daysAgo(100), trackedSince: daysAgo(300) } });
    await setStatus('lsa', 'a-staging', { lastUsed: { trackedSince: daysAgo(200) } });
    await driftChecked('True');
    await cluster.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { namespace: 'default', name: 'konstellation' },
        spec: {
          holderIdentity: 'operator',
          leaseDurationSeconds: 3600,
          renewTime: new Date().toISOString().replace('Z', '000Z'),
        },
      }),
    );
  });

  it('lists accounts that were tracked and not used during the whole period, and counts the accounts whose last use is unknown', async () => {
    expect(await unused('90d')).toEqual({
      code: 0,
      stdout: name('a-staging') + name('b-everywhere'),
      stderr: unknown,
    });
    expect(await unused('150d')).toEqual({ code: 0, stdout: name('a-staging'), stderr: unknown });
    expect(await unused('250d')).toEqual({ code: 0, stdout: '', stderr: unknown });
  });

  it('applies to the accounts that other options select', async () => {
    expect(await unused('90d', '-l', 'team=payments')).toEqual({
      code: 0,
      stdout: name('b-everywhere'),
      stderr: '',
    });
    expect(await unused('90d', 'c-broken')).toEqual({ code: 0, stdout: '', stderr: unknown });
  });

  it('shows the last use as an age on a terminal, and as a date otherwise', async () => {
    const { stdout } = await run('account', 'list', '--sort-by', 'last used');
    expect(stdout.split('\n').map((row) => row.split('\t').at(-1))).toEqual([
      'LAST USED',
      daysAgo(100),
      'never',
      'unknown',
      '',
    ]);
    const { screen } = await kon.onTerminal('account list --no-color', { columns: 200 });
    expect(screen).toMatch(/ 100d ago\s*\n/);
    expect((await run('account', 'show', 'b-everywhere')).stdout).toContain(`${daysAgo(100)} (100d ago)`);
    expect(await cluster.kubectl(['get', 'lsa', 'b-everywhere', '-o', 'wide'])).toContain(daysAgo(100));
  });

  it.each([
    ['90', '"90" is not a duration'],
    ['12h', '--unused must be from 1 day to 400 days'],
    ['401d', '--unused must be from 1 day to 400 days'],
  ])('refuses the period %s', async (period, message) => {
    expect(await unused(period)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(message),
    });
  });

  it('cannot be combined with --watch', async () => {
    const result = await unused('90d', '--watch');
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be combined') });
  });

  it('warns that the last uses can be outdated if the user is not permitted to read the Lease of the operator', async () => {
    await cluster.kubectl([
      'create',
      'clusterrole',
      'viewer',
      '--verb=list',
      '--resource=clusterconfigs.k11n.dev,linkedserviceaccounts.k11n.dev',
    ]);
    await cluster.kubectl([
      'create',
      'clusterrolebinding',
      'viewer',
      '--clusterrole=viewer',
      '--user=viewer',
    ]);
    await untilPermitted(cluster, 'viewer', 'list linkedserviceaccounts.k11n.dev');
    const env = { KUBECONFIG: await cluster.userKubeconfig('viewer') };
    expect(await kon.run(['account', 'list', '--unused', '90d', '-o', 'name'], { env })).toEqual({
      code: 0,
      stdout: name('a-staging') + name('b-everywhere'),
      stderr: `You are not permitted to read the Lease of the operator, which shows whether an operator keeps the last uses up to date. If no operator does, the last uses are outdated.\n${unknown}`,
    });
  });

  it('lists no account while no operator runs or the operator does not compare roles with AWS', async () => {
    const all =
      '3 accounts are not listed, because their last use is unknown: a-staging, b-everywhere, c-broken\n';
    await driftChecked('False');
    expect(await unused('90d')).toEqual({
      code: 0,
      stdout: '',
      stderr: `The operator does not compare roles with AWS: roles could not be listed\n${all}`,
    });
    await driftChecked('True');
    await cluster.kubectl(['delete', 'lease', 'konstellation', '-n', 'default']);
    expect(await unused('90d')).toEqual({
      code: 0,
      stdout: '',
      stderr: `No operator runs on this cluster, so the statuses of the accounts may be outdated.\n${all}`,
    });
  });
});
