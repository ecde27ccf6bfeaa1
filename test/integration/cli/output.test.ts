/** Output of `kon`: tables, objects, results of apply, and differences on a terminal. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon } from './kon.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const role = 'arn:aws:iam::111122223333:role/konstellation/kon-test-listed-1a2b3c4d';

let cluster: TestControlPlane;
let kon: Kon;

beforeAll(async () => {
  cluster = await startControlPlane();
  kon = await prepareKon({ KUBECONFIG: cluster.kubeconfig });
  await installCrds(cluster, kon);
  await cluster.kubectl(
    ['create', '-f', '-'],
    [
      'apiVersion: k11n.dev/v1alpha1',
      'kind: LinkedServiceAccount',
      'metadata: {name: listed}',
      `spec: {aws: {policyArns: ["${readOnly}", "arn:aws:iam::aws:policy/Nope"]}}`,
      '---',
      'apiVersion: k11n.dev/v1alpha1',
      'kind: App',
      'metadata: {name: shown}',
      'spec: {image: nginx, imageTag: "1.29", serviceAccount: listed, targets: [{name: production}, {name: staging}], ports: [{name: http, port: 80}]}',
    ].join('\n'),
  );
  const since = '2026-01-01T00:00:00Z';
  const setStatus = (resource: string[], status: object): Promise<string> =>
    cluster.kubectl([
      'patch',
      ...resource,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status }),
    ]);
  await setStatus(['lsa', 'listed'], {
    observedGeneration: 1,
    roleArn: role,
    ready: '1/2',
    policies: [
      { arn: readOnly, attached: true },
      {
        arn: 'arn:aws:iam::aws:policy/Nope',
        attached: false,
        reason: 'PolicyNotFound',
        message: 'no such policy',
      },
    ],
    targets: [
      {
        name: 'production',
        linked: true,
        proven: true,
        provenAt: since,
        pods: { current: 2, stale: 1, uninjected: 0 },
      },
      {
        name: 'staging',
        linked: false,
        proven: false,
        reason: 'NamespaceMissing',
        message: 'there is no namespace',
      },
    ],
    conditions: [
      {
        type: 'Ready',
        status: 'False',
        reason: 'PolicyNotFound',
        message: 'no such policy',
        lastTransitionTime: since,
        observedGeneration: 1,
      },
    ],
  });
  await setStatus(['app.k11n.dev', 'shown'], {
    observedGeneration: 1,
    ready: '1/2',
    targets: [
      {
        name: 'production',
        state: 'Ready',
        image: 'nginx:1.29',
        replicas: 2,
        readyReplicas: 2,
        roleArn: role,
        identityCurrent: true,
      },
      {
        name: 'staging',
        state: 'WaitingForIdentity',
        message: 'account listed is not linked in target staging',
      },
    ],
    conditions: [
      {
        type: 'Ready',
        status: 'False',
        reason: 'AccountNotLinkedToTarget',
        message: 'staging waits',
        lastTransitionTime: since,
        observedGeneration: 1,
      },
    ],
  });
  await cluster.kubectl(
    ['create', '-f', '-'],
    [
      'apiVersion: events.k8s.io/v1',
      'kind: Event',
      'metadata: {name: listed.1, namespace: default}',
      'eventTime: "2026-01-01T00:00:00.000000Z"',
      'type: Warning',
      'reason: PolicyNotFound',
      'note: IAM has no policy Nope',
      'action: Reconcile',
      'reportingController: k11n.dev/test',
      'reportingInstance: test',
      'regarding: {apiVersion: k11n.dev/v1alpha1, kind: LinkedServiceAccount, name: listed}',
      '---',
      'apiVersion: events.k8s.io/v1',
      'kind: Event',
      'metadata: {name: listed.2, namespace: default}',
      'eventTime: "2026-01-01T00:00:01.000000Z"',
      'type: Normal',
      'reason: Formula',
      `note: '=HYPERLINK("http://example.com")'`,
      'action: Reconcile',
      'reportingController: k11n.dev/test',
      'reportingInstance: test',
      'regarding: {apiVersion: k11n.dev/v1alpha1, kind: LinkedServiceAccount, name: listed}',
      '---',
      'apiVersion: events.k8s.io/v1',
      'kind: Event',
      'metadata: {name: listed.3, namespace: default}',
      'eventTime: "2026-01-01T00:00:02.000000Z"',
      'type: Warning',
      'reason: AssumeRoleDenied',
      `note: STS refused ${role} for now`,
      'action: Reconcile',
      'reportingController: k11n.dev/test',
      'reportingInstance: test',
      'regarding: {apiVersion: k11n.dev/v1alpha1, kind: LinkedServiceAccount, name: listed}',
    ].join('\n'),
  );
});

afterAll(async () => {
  await kon?.remove();
  await cluster?.stop();
});

describe('kon account list', () => {
  it('separates columns by tabs and prints complete values and exact times if stdout is not a terminal', async () => {
    const { code, stdout, stderr } = await kon.run(['account', 'list']);
    const [header, row] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(header).toEqual([
      'NAME',
      'READY',
      'REASON',
      'ROLE',
      'TARGETS',
      'POLICIES',
      'CREATED',
      'LAST USED',
    ]);
    expect(row?.slice(0, 6)).toEqual([
      'listed',
      'False',
      'PolicyNotFound',
      role,
      '1/2',
      `${readOnly},arn:aws:iam::aws:policy/Nope`,
    ]);
    expect(row?.[6]).toMatch(/^2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('aligns and shortens columns on a terminal, with colour unless colour is disabled', async () => {
    const coloured = await kon.onTerminal('account list', { env: { TERM: 'xterm' } });
    expect(coloured.code).toBe(0);
    expect(coloured.screen).toContain('\u001B[31mFalse');
    expect(coloured.screen).toContain('kon-test-listed-1a2b3c4d');
    expect(coloured.screen).toContain('AmazonS3ReadOnlyAccess, Nope');
    expect(coloured.screen).not.toContain(role);
    for (const plain of [
      await kon.onTerminal('account list', { env: { TERM: 'xterm', NO_COLOR: '1' } }),
      await kon.onTerminal('account list --no-color', { env: { TERM: 'xterm' } }),
      await kon.onTerminal('account list', { env: { TERM: 'dumb' } }),
    ])
      expect(plain.screen).not.toContain('\u001B[');
    const wide = await kon.onTerminal('account list -o wide', { env: { TERM: 'xterm' } });
    expect(wide.screen).toContain(role);
  });

  it('shows ages on a terminal, and exact times with -o wide', async () => {
    const table = await kon.onTerminal('account list listed --no-color');
    expect(table.screen).toMatch(/CREATED +LAST USED\s*\n.* \d+[smhd]\S* ago +unknown/);
    const wide = await kon.onTerminal('account list listed -o wide --no-color');
    expect(wide.screen).toMatch(/CREATED +LAST USED\s*\n.* 2\d{3}-\d\d-\d\dT/);
  });

  it('prints JSON, YAML and names that kubectl understands', async () => {
    const json = await kon.run(['account', 'list', '-o', 'json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      kind: 'List',
      items: [{ metadata: { name: 'listed' } }],
    });
    expect(json.stdout).not.toContain('managedFields');
    const yaml = await kon.run(['-o', 'yaml', 'account', 'list']);
    const documents = parseAllDocuments(yaml.stdout);
    expect(Array.isArray(documents) && documents[0]?.toJS()).toMatchObject({ metadata: { name: 'listed' } });
    const names = await kon.run(['account', 'list', '-o', 'name']);
    expect(names.stdout).toBe('linkedserviceaccount.k11n.dev/listed\n');
    expect(await cluster.kubectl(['get', names.stdout.trim(), '-o', 'name'])).toBe(names.stdout);
  });
});

describe('-o csv', () => {
  /** Returns the fields of each record, parsed as RFC 4180 specifies. */
  const recordsOf = (text: string): readonly (readonly string[])[] =>
    text
      .split('\r\n')
      .slice(0, -1)
      .map((line) =>
        [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(([, quoted, plain]) =>
          quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
        ),
      );

  it('has the columns of a list, with complete values and exact times', async () => {
    const { code, stdout, stderr } = await kon.run(['account', 'list', '-o', 'csv']);
    const [header, row, ...others] = recordsOf(stdout);
    expect(header).toEqual([
      'NAME',
      'READY',
      'REASON',
      'ROLE',
      'TARGETS',
      'POLICIES',
      'CREATED',
      'LAST USED',
    ]);
    expect(row?.slice(0, 6)).toEqual([
      'listed',
      'False',
      'PolicyNotFound',
      role,
      '1/2',
      `${readOnly},arn:aws:iam::aws:policy/Nope`,
    ]);
    expect(row?.[6]).toMatch(/^2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect({ others, code, stderr }).toEqual({ others: [], code: 0, stderr: '' });
  });

  it('prints the same on a terminal and to a pipe, without colour', async () => {
    const piped = await kon.run(['account', 'list', '-o', 'csv']);
    const { screen } = await kon.onTerminal('account list -o csv', { env: { TERM: 'xterm' } });
    expect(screen.replaceAll('\r\r\n', '\r\n')).toBe(piped.stdout);
  });

  it('prevents spreadsheets from reading the text of an Event as a formula', async () => {
    const { stdout } = await kon.run(['account', 'history', 'listed', '-o', 'csv']);
    const messages = recordsOf(stdout).map((record) => record.at(-1));
    expect(messages).toContain('\'=HYPERLINK("http://example.com")');
    expect(messages).toContain('IAM has no policy Nope');
  });

  it.each(['account show listed', 'app status shown', 'account export', 'account plan listed'])(
    'is refused for output that is not a table: kon %s',
    async (line) => {
      const { code, stdout, stderr } = await kon.run([...line.split(' '), '-o', 'csv']);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('does not support --output csv');
    },
  );
});

describe('kon account show', () => {
  it('shows the role, policies, targets, problems and next steps, and nothing twice', async () => {
    const { code, stdout } = await kon.run(['account', 'show', 'listed']);
    expect(code).toBe(0);
    for (const expected of [
      /^Ready: +False \(PolicyNotFound\)$/m,
      /^Role: +arn:aws:iam::111122223333/m,
      /^ {2}aws\/Nope +no +PolicyNotFound +no such policy$/m,
      /^ {2}production +yes +\S+ ago +2 current, 1 stale +-/m,
      /^ {2}staging +no +no +- +NamespaceMissing +there is no namespace$/m,
      /^ {2}Correct the policies: kon account edit listed$/m,
    ])
      expect(stdout).toMatch(expected);
    expect(stdout).not.toMatch(/Conditions:|Events:|Created:/);
    const lines = stdout.split('\n').filter((line) => /\w{4}/.test(line));
    expect(new Set(lines).size).toBe(lines.length);
    expect(stdout.split('no such policy')).toHaveLength(2);
    expect(lines.length).toBeLessThan(24);
  });

  it('with --details shows the ARN of each policy, the reasons, the Events and the next steps', async () => {
    const { code, stdout } = await kon.run(['account', 'show', 'listed', '--details']);
    expect(code).toBe(0);
    for (const expected of [
      /^Ready: +False \(PolicyNotFound\)$/m,
      /^Role: +arn:aws:iam::111122223333/m,
      /^ {2}arn:aws:iam::aws:policy\/Nope +no +PolicyNotFound +no such policy$/m,
      /^ {2}production +yes +\S+ ago +2 current, 1 stale +-/m,
      /^ {2}staging +no +no +- +NamespaceMissing +there is no namespace$/m,
      /^ {2}\S+ +Warning +PolicyNotFound +1 +IAM has no policy Nope$/m,
      /^ {2}Correct the policies: kon account edit listed$/m,
    ])
      expect(stdout).toMatch(expected);
    const script = await kon.run(['account', 'show', '--account', 'listed', '-o', 'json']);
    expect(JSON.parse(script.stdout)).toMatchObject({ status: { roleArn: role } });
  });
});

describe('kon account history', () => {
  it('prints ages on a terminal and exact times with -o wide, and shortens ARNs from the left', async () => {
    const { screen } = await kon.onTerminal('account history listed --no-color', { columns: 70 });
    const lines = screen.split(/\r*\n/).map((line) => line.trimEnd());
    expect(lines[0]).toMatch(/^AGE +WHAT +REASON +COUNT +MESSAGE$/);
    expect(lines.filter((line) => line.length > 70)).toEqual([]);
    expect(screen).toMatch(/ …\S*kon-test-listed-1a2b3c4d\s/);
    expect(screen).not.toContain('arn:');
    const wide = await kon.onTerminal('account history listed -o wide --no-color', { columns: 70 });
    expect(wide.screen).toMatch(/^TIME +AGE +WHAT/);
    expect(wide.screen).toContain(`2026-01-01T00:00:02.000000Z`);
    expect(wide.screen).toContain(role);
  });
});

describe('kon app', () => {
  it('lists apps, and shows the state and the identity of an app in each target', async () => {
    const list = await kon.run(['app', 'list']);
    expect(list.stdout.split('\n')[1]).toMatch(
      /^shown\tFalse\tAccountNotLinkedToTarget\tnginx:1\.29\tlisted\t1\/2\t/,
    );
    const { stdout } = await kon.run(['app', 'status', 'shown']);
    expect(stdout).toMatch(/^Account: +listed$/m);
    expect(stdout).toMatch(/^ {2}production +Ready +2\/2 .*current/m);
    expect(stdout).toMatch(/^ {2}staging +WaitingForIdentity .*account listed is not linked/m);
  });

  it.each(['status', 'show'])(
    '%s shows no value twice, and shows all values with --details',
    async (verb) => {
      const { code, stdout } = await kon.run(['app', verb, 'shown']);
      expect(code).toBe(0);
      expect(stdout).not.toMatch(/Conditions:|Events:|Created:/);
      for (const once of ['nginx:1.29', role]) expect(stdout.split(once), once).toHaveLength(2);
      expect(stdout).toMatch(/^ {2}NAME +STATE +REPLICAS +IDENTITY +MESSAGE$/m);
      const whole = await kon.run(['app', verb, 'shown', '--details']);
      for (const expected of [
        /^Conditions:$/m,
        /^ {2}Ready +False +AccountNotLinkedToTarget +\S+ +staging waits$/m,
        /^Created:/m,
        /^ {2}NAME +STATE +REPLICAS +REVISION +IMAGE +ROLE +IDENTITY +REASON +MESSAGE$/m,
      ])
        expect(whole.stdout).toMatch(expected);
      const data = (...more: string[]) => kon.run(['app', verb, 'shown', '-o', 'json', ...more]);
      expect(await data('--details')).toEqual(await data());
    },
  );

  it('creates and edits an app with options', async () => {
    const created = await kon.run([
      'app',
      'create',
      'myapp',
      '--image',
      'localhost:5000/team/web:1.0',
      '--port',
      '8080',
      '--env',
      'MODE=a=b',
      '--account',
      'listed',
      '--target',
      'production',
      '--no-wait',
      '-o',
      'json',
    ]);
    expect(created.stderr).toBe('');
    expect(JSON.parse(created.stdout)).toMatchObject({
      spec: {
        image: 'localhost:5000/team/web',
        imageTag: '1.0',
        ports: [{ name: 'http', port: 8080 }],
        env: [{ name: 'MODE', value: 'a=b' }],
        serviceAccount: 'listed',
        targets: [{ name: 'production' }],
      },
    });
    const edited = await kon.run([
      'app',
      'edit',
      'myapp',
      '--no-account',
      '--tag',
      '1.1',
      '--no-wait',
      '-o',
      'json',
    ]);
    const { spec } = JSON.parse(edited.stdout) as { spec: Record<string, unknown> };
    expect(spec).toMatchObject({ image: 'localhost:5000/team/web', imageTag: '1.1' });
    expect(spec).not.toHaveProperty('serviceAccount');
    const both = await kon.run(['app', 'edit', 'myapp', '--image', 'web:2', '--tag', '3', '--no-wait']);
    expect(both.code).toBe(2);
  });
});

describe('kon apply', () => {
  it('reads merge keys of YAML, as kubectl does', async () => {
    const text = [
      'apiVersion: k11n.dev/v1alpha1',
      'kind: App',
      'metadata: {name: merged}',
      'spec:',
      '  image: nginx',
      '  targets:',
      '    - &first {name: production, deployMode: halt}',
      '    - {<<: *first, name: staging}',
    ].join('\n');
    const result = await kon.run(['apply', '-f', '-', '--no-wait', '-o', 'json'], { input: text });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(result.stdout)).toMatchObject({
      items: [
        {
          spec: {
            targets: [
              { name: 'production', deployMode: 'halt' },
              { name: 'staging', deployMode: 'halt' },
            ],
          },
        },
      ],
    });
  });

  const document = (name: string, spec: string): string =>
    `apiVersion: k11n.dev/v1alpha1\nkind: LinkedServiceAccount\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
  const apply = (input: string, ...args: string[]): ReturnType<Kon['run']> =>
    kon.run(['apply', '-f', '-', '--no-wait', ...args], { input });

  it('reports for each document whether it was created, configured or unchanged', async () => {
    const both = `${document('one', `{aws: {policyArns: ["${readOnly}"]}}`)}---\n${document('two', '{aws: {policyArns: []}}')}`;
    expect((await apply(both)).stdout).toBe(
      'linkedserviceaccount/one created\nlinkedserviceaccount/two created\n',
    );
    const changed = both.replace('policyArns: []', `policyArns: ["${readOnly}"]`);
    expect((await apply(changed)).stdout).toBe(
      'linkedserviceaccount/one unchanged\nlinkedserviceaccount/two configured\n',
    );
  });

  it('reports an account as unchanged, as kon account edit does, if the account was just created with the same content', async () => {
    const fresh = document('fresh', '{aws: {policyArns: []}}');
    await apply(fresh);
    const edited = await kon.run(['account', 'edit', 'fresh', '--all-targets', '--no-wait']);
    expect(edited).toMatchObject({ code: 0, stdout: 'linkedserviceaccount/fresh unchanged\n' });
    expect((await apply(fresh)).stdout).toBe('linkedserviceaccount/fresh unchanged\n');
  });

  it('removes fields that kon create and kon edit set and that the file does not contain', async () => {
    const other = 'arn:aws:iam::aws:policy/AmazonSQSFullAccess';
    await kon.run(
      `account create three --policy ${readOnly} --policy ${other} --target production --no-wait`.split(' '),
    );
    const kept = document('three', `{aws: {policyArns: ["${other}"]}}`);
    expect((await apply(kept)).stdout).toBe('linkedserviceaccount/three configured\n');
    const { stdout } = await kon.run(['account', 'show', 'three', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ spec: { aws: { policyArns: [other] } } });
    expect(stdout).not.toContain('production');
  });

  it('fails if a manifest empties a list, because server-side apply cannot do that, and names the command that replaces the object', async () => {
    const empty = document('three', '{aws: {policyArns: []}}');
    const result = await apply(empty);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('Replace the whole object instead: kon account edit three -f FILE');
    const edited = await kon.run(['account', 'edit', 'three', '-f', '-', '--no-wait'], { input: empty });
    expect(edited.stdout).toBe('linkedserviceaccount/three edited\n');
  });

  it('writes nothing when kon or the API server refuses one of the documents', async () => {
    const good = document('four', '{aws: {policyArns: []}}');
    const here = await apply(`${good}---\n${document('five', '{aws: {policyArns: [nonsense]}}')}`);
    expect(here.code).toBe(1);
    expect(here.stderr).toContain('stdin:9: spec.aws.policyArns[0]: "nonsense" is not the ARN');
    const there = await apply(`${good}---\n${document('five', '{color: red, aws: {policyArns: []}}')}`);
    expect(there.code).toBe(1);
    expect(there.stderr).toContain('linkedserviceaccount/five; nothing was written');
    expect(there.stderr).toContain('spec.color: unknown field');
    const names = await kon.run(['account', 'list', '-o', 'name']);
    expect(names.stdout).not.toMatch(/four|five/);
  });

  it('keeps fields of another manager unless an option takes them over', async () => {
    await cluster.kubectl(
      ['apply', '--server-side', '--field-manager=argo', '-f', '-'],
      document('shared', '{aws: {policyArns: [], maxSessionDuration: 3600}}'),
    );
    const mine = document('shared', '{aws: {policyArns: [], maxSessionDuration: 7200}}');
    const refused = await apply(mine);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('.spec.aws.maxSessionDuration: conflict with "argo"');
    expect((await apply(mine, '--force-conflicts')).stdout).toBe('linkedserviceaccount/shared configured\n');
  });

  it('accepts manifests that kon has printed', async () => {
    const printed = await kon.run(['account', 'list', '-o', 'json']);
    const result = await apply(printed.stdout);
    expect(result.stderr).toBe('');
    expect(result.code).toBe(0);
  });

  it('refuses kinds of other API groups', async () => {
    const result = await apply('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n');
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(
      'kind: expected one of LinkedServiceAccount, App, ClusterConfig, got "ConfigMap"',
    );
    expect(result.stderr).toContain('kubectl apply -f FILE');
  });
});

describe('kon on a terminal', () => {
  it('runs the command of the walkthrough: kon account create --account NAME, with an editor', async () => {
    const editor = await kon.editor('uncomment', `sed -i 's/# - arn:/- arn:/' "$1"`);
    const terminal = kon.terminal('account create --account myaccount --no-wait', {
      env: { EDITOR: editor, TERM: 'xterm' },
    });
    await terminal.until('choose none to use an editor');
    terminal.type('\r');
    const { code, screen } = await terminal.finished;
    expect(screen).toContain('linkedserviceaccount/myaccount created');
    expect(code).toBe(0);
  });

  it('asks for confirmation before it deletes', async () => {
    const refused = await kon.onTerminal('account delete myaccount', {
      input: 'n\n',
      env: { TERM: 'xterm' },
    });
    expect(refused.screen).toContain('Delete the account "myaccount"? [y/N]');
    expect(refused.screen).toContain('Nothing was deleted.');
    expect(refused.code).toBe(1);
    const agreed = await kon.onTerminal('account delete myaccount', { input: 'y\n', env: { TERM: 'xterm' } });
    expect(agreed.screen).toContain('linkedserviceaccount/myaccount deleted');
    expect(agreed.code).toBe(0);
  });
});

describe('shell completion', () => {
  it('offers the words of commands and names from the cluster, in bash', async () => {
    const link = `ln -sf ${kon.executable} ${kon.folder}/kon`;
    const script = [
      link,
      `PATH=${kon.folder}:$PATH`,
      'source <(kon completion bash)',
      'try() { COMP_LINE="$1"; COMP_POINT=${#1}; read -ra COMP_WORDS <<<"$1"; [[ "$1" == *" " ]] && COMP_WORDS+=(""); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _kon; echo "${COMPREPLY[*]}"; }',
      'try "kon acc"',
      'try "kon app "',
      'try "kon account show li"',
      'try "kon account create x --deletion-policy "',
      'try "kon crds -o "',
    ].join('\n');
    const { stdout } = await promisify(execFile)('bash', ['-c', script], {
      env: { ...kon.env, KON_COMPLETION_TIMEOUT: '30s' },
    });
    expect(stdout.trim().split('\n')).toEqual([
      'account',
      expect.stringMatching(/^create edit list .*delete$/),
      'listed',
      'Delete Retain',
      'yaml json name',
    ]);
  });

  it('ends after a time limit when the cluster does not answer', async () => {
    const dead = await kon.file(
      'dead.yaml',
      'current-context: a\ncontexts: [{name: a, context: {cluster: a}}]\nclusters: [{name: a, cluster: {server: "http://10.255.255.1:6443"}}]\n',
    );
    const began = performance.now();
    const result = await kon.run(['__complete', '--', '--kubeconfig', dead, 'account', 'show', '']);
    expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
    // The limit allows for the timeout of 400 ms and for the start of Node.js on a busy machine.
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

describe('a command that changes something', () => {
  const names = Array.from({ length: 12 }, (_, index) => `unread-${index}`);
  const account = (name: string): string =>
    `apiVersion: k11n.dev/v1alpha1\nkind: LinkedServiceAccount\nmetadata: {name: ${name}}\nspec: {aws: {policyArns: []}}\n`;

  it.each(['| head -n 1', '2>&1 | head -n 1', '2> >(exec 0<&-)'])(
    'completes its work although the reader of its output stops reading: %s',
    async (reader) => {
      await kon.file('unread.yaml', names.map(account).join('---\n'));
      const line = `set -o pipefail; ${process.execPath} ${kon.executable} apply -f unread.yaml --no-wait ${reader}`;
      const options = { env: kon.env, cwd: kon.folder };
      const { stdout } = await promisify(execFile)('bash', ['-c', line], options);
      expect(stdout).toMatch(/^linkedserviceaccount\/unread-0 created\n/);
      expect(await cluster.kubectl(['delete', 'lsa', ...names, '-o', 'name'])).toContain('/unread-11\n');
    },
  );
});
