/** Errors of `kon`: no cluster, no permissions, Konstellation not installed, and an invalid command line. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon } from './kon.ts';

let cluster: TestControlPlane;
let kon: Kon;

beforeAll(async () => {
  cluster = await startControlPlane();
  kon = await prepareKon();
});

afterAll(async () => {
  await kon?.remove();
  await cluster?.stop();
});

const kubeconfig = (server: string, user = '{}'): string =>
  [
    'current-context: here',
    'contexts: [{name: here, context: {cluster: c, user: u}}]',
    `clusters: [{name: c, cluster: {server: "${server}"}}]`,
    `users: [{name: u, user: ${user}}]`,
  ].join('\n');

describe('kon, when it connects to a cluster,', () => {
  it('reports that there is no kubeconfig', async () => {
    const result = await kon.run(['account', 'list']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain('Error: no kubeconfig found: ');
    expect(result.stderr).toContain('--kubeconfig FILE or $KUBECONFIG');
    const named = await kon.run(['account', 'list', '--kubeconfig', '/no/such/file']);
    expect(named.stderr).toContain('kubeconfig "/no/such/file" does not exist');
  });

  it('reports an unknown context, and lists the existing ones', async () => {
    const result = await kon.run(['account', 'list', '--context', 'nope'], {
      env: { KUBECONFIG: cluster.kubeconfig },
    });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/context "nope" does not exist in .* \(existing contexts: .+\)/);
  });

  it('reports a server that does not answer', async () => {
    const path = await kon.file('refused.yaml', kubeconfig('https://127.0.0.1:1'));
    const result = await kon.run(['account', 'list', '--kubeconfig', path]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('Error: the API server at https://127.0.0.1:1');
  });

  it('reports a server certificate that no trusted authority signed', async () => {
    const path = await kon.file('untrusted.yaml', kubeconfig(cluster.server, '{token: x}'));
    const result = await kon.run(['account', 'list', '--kubeconfig', path]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('is not trusted');
  });

  it('exits with 4 when the server does not accept the credentials', async () => {
    const authority = Buffer.from(cluster.caCertificate).toString('base64');
    const path = await kon.file(
      'rejected.yaml',
      kubeconfig(cluster.server, '{token: "nonsense"}').replace(
        `server: "${cluster.server}"`,
        `server: "${cluster.server}", certificate-authority-data: "${authority}"`,
      ),
    );
    const result = await kon.run(['account', 'list', '--kubeconfig', path]);
    expect(result.code).toBe(4);
    expect(result.stderr).toContain('Error: the cluster rejected your credentials');
  });

  it('exits with 4 when the credential plugin fails', async () => {
    const path = await kon.file(
      'plugin.yaml',
      kubeconfig(
        cluster.server,
        '{exec: {apiVersion: client.authentication.k8s.io/v1, command: "false", interactiveMode: Never}}',
      ),
    );
    const result = await kon.run(['account', 'list', '--kubeconfig', path]);
    expect(result.code).toBe(4);
    expect(result.stderr).toContain('the credential plugin "false" failed');
  });
});

describe('kon on a cluster', () => {
  it('reports a missing installation or missing rights of the user, and reports no error if neither is missing', async () => {
    const env = { KUBECONFIG: cluster.kubeconfig };
    for (const args of [
      ['account', 'list'],
      ['account', 'create', 'x', '--policy', 'arn:aws:iam::aws:policy/ReadOnlyAccess'],
      ['app', 'status', 'x'],
      ['target', 'list'],
      ['operator'],
    ]) {
      const result = await kon.run(args, { env });
      expect(result.code, args.join(' ')).toBe(1);
      expect(result.stderr).toContain('Error: Konstellation is not installed on this cluster');
      expect(result.stderr).toContain('kon crds | kubectl apply');
    }
    await installCrds(cluster, kon);
    const stranger = await cluster.userKubeconfig('stranger');
    const forbidden = await kon.run(['account', 'list'], { env: { KUBECONFIG: stranger } });
    expect(forbidden.code).toBe(1);
    expect(forbidden.stderr).toContain('Error: permission denied by the cluster');
    expect(forbidden.stderr).toContain('User "stranger" cannot list resource "linkedserviceaccounts"');
    const allowed = await kon.run(['account', 'list'], { env });
    expect(allowed).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('kon account create -f', () => {
  const env = (): { KUBECONFIG: string } => ({ KUBECONFIG: cluster.kubeconfig });

  it.each([
    ['a missing file', ['-f', '/no/such.yaml'], '', 'cannot read /no/such.yaml'],
    ['invalid YAML', ['-f', '-'], 'a: [', 'stdin is not YAML'],
    ['input without a manifest', ['-f', '-'], '# only a comment\n', 'stdin contains no manifest'],
    ['text that is not a manifest', ['-f', '-'], 'hello', 'not a manifest'],
    ['another kind', ['-f', '-'], 'kind: App', 'kind: expected LinkedServiceAccount, got "App"'],
    ['two documents', ['-f', '-'], 'a: 1\n---\nb: 2\n', 'stdin contains 2 documents, expected one'],
  ])('reports %s', async (_what, args, input, message) => {
    const result = await kon.run(['account', 'create', ...args], { env: env(), input });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(message);
  });
});

describe('kon', () => {
  it.each([
    ['an unknown command', ['acount', 'list'], "unknown command 'acount'"],
    ['an unknown verb', ['account', 'lst'], "unknown command 'lst'"],
    ['an unknown option', ['account', 'list', '--colour'], "unknown option '--colour'"],
    ['an option without its value', ['account', 'create', '--policy'], 'argument missing'],
    ['too many words', ['account', 'copy', 'a', 'b'], 'too many arguments'],
    ['a missing name', ['account', 'show'], 'no account given'],
    ['an invalid duration', ['account', 'create', 'x', '--timeout', 'soon'], '"soon" is not a duration'],
    [
      'an output format that the command does not support',
      ['crds', '-o', 'wide'],
      'kon crds does not support --output wide',
    ],
    ['an unknown output format', ['account', 'list', '-o', 'xml'], '--output does not accept xml'],
    ['an unknown choice', ['account', 'create', 'x', '--deletion-policy', 'Burn'], "'Burn' is invalid"],
    ['an invalid port', ['app', 'create', 'x', '--port', 'http'], '"http" is not a port'],
    [
      'a combination of a file and options',
      ['account', 'create', '-f', 'x', '--policy', 'y'],
      '-f cannot be combined with options that describe the object',
    ],
    ['kon apply without a file', ['apply'], 'no file given'],
  ])('exits with code 2 for %s', async (_what, args, message) => {
    const result = await kon.run(args);
    expect(result.stderr).toContain(`Error: `);
    expect(result.stderr).toContain(message);
    expect(result.stderr).toContain('\nNext: ');
    expect(result).toMatchObject({ code: 2, stdout: '' });
  });

  it('shows help on stdout when asked, and on stderr with exit code 2 when a verb is missing', async () => {
    const asked = await kon.run(['account', 'create', '--help']);
    expect(asked).toMatchObject({ code: 0, stderr: '' });
    expect(asked.stdout).toContain('Examples:');
    expect(asked.stdout).toContain('kon account create --account myaccount');
    const missing = await kon.run(['account']);
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toContain('Usage: kon account');
    expect((await kon.run([])).code).toBe(0);
  });

  it('prints errors as JSON with -o json', async () => {
    const result = await kon.run(['account', 'list', '-o', 'json']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(result.stderr)).toMatchObject({
      apiVersion: 'cli.k11n.dev/v1',
      kind: 'Error',
      code: 'KUBECONFIG_MISSING',
      exitCode: 1,
      explain: 'kon explain KUBECONFIG_MISSING',
    });
  });

  it('recommends kon explain after an error only on a terminal, and never after an invalid command line', async () => {
    const hint = 'For more information about this error, run "kon explain KUBECONFIG_MISSING".';
    const { screen } = await kon.onTerminal('account list');
    expect(screen.trimEnd().split(/\r?\n/).at(-1)).toBe(hint);
    expect((await kon.run(['account', 'list'])).stderr).not.toContain('For more information');
    const usage = await kon.onTerminal('account list --nonsense');
    expect(usage.screen).toContain('Run: kon account list --help');
    expect(usage.screen).not.toContain('For more information');
  });

  it('ends without an error when the reader of its output stops reading', async () => {
    const { code, screen } = await kon.onTerminal(`crds | head -n 1`);
    expect(screen.trim()).toBe('apiVersion: apiextensions.k8s.io/v1');
    expect(code).toBe(0);
  });

  it('reports that it cannot write to stdout', async () => {
    const { code, screen } = await kon.onTerminal('crds > /dev/full');
    expect(screen.trim()).toBe('Error: cannot write to stdout: ENOSPC: no space left on device, write');
    expect(code).toBe(1);
  });
});
