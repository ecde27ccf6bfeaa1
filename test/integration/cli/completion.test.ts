/** Completion in bash, zsh and fish. It also works for `kon` as a kubectl plugin, and while no cluster responds. */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, symlink } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { delimiter, join } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { installCrds } from './crds.ts';
import { prepareKon, type Kon } from './kon.ts';

let cluster: TestControlPlane;
let kon: Kon;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  cluster = await startControlPlane({ audit: false });
  kon = await prepareKon({ KUBECONFIG: cluster.kubeconfig });
  await installCrds(cluster, kon);
  await cluster.kubectl(
    ['create', '-f', '-'],
    'apiVersion: k11n.dev/v1alpha1\nkind: LinkedServiceAccount\nmetadata: {name: listed}\nspec: {aws: {policyArns: []}}\n',
  );
  const bin = join(kon.folder, 'bin');
  await mkdir(bin);
  for (const name of ['kon', 'kubectl-kon', 'kubectl_complete-kon'])
    await symlink(kon.executable, join(bin, name));
  // The machine may be busy, so the time limit is long. Other tests measure how long completion takes.
  env = { ...kon.env, PATH: `${bin}${delimiter}${kon.env['PATH']}`, KON_COMPLETION_TIMEOUT: '30s' };
});

afterAll(async () => {
  await kon?.remove();
  await cluster?.stop();
});

const isInstalled = (shell: string): boolean =>
  ['/bin', '/usr/bin'].some((folder) => existsSync(join(folder, shell)));

/**
 * Installs a missing shell if possible, that is, as root on Debian. If the shell is still missing, the test fails in CI
 * and is skipped elsewhere with a note.
 */
async function requireShell(shell: string, skip: (note: string) => never): Promise<void> {
  if (isInstalled(shell)) return;
  const install = ['install', '--yes', '--no-install-recommends', shell];
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get'))
    await promisify(execFile)('apt-get', install, {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).catch(() => undefined);
  if (isInstalled(shell)) return;
  const note = `${shell} is not installed. On Debian: apt-get ${install.join(' ')}`;
  if (process.env['CI']) throw new Error(note);
  skip(note);
}

/** Policy whose ARN contains single and double colons; bash splits words at colons. */
const policy = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const policyKeys = 'kon account create x --policy arn:aws:iam::\tAmazonS3ReadOnlyA\t';

/** Types into an interactive shell. The keys of a step are pressed once the text before them is on the screen. */
async function typeInto(
  shell: string,
  steps: readonly (readonly [seen: string, keys: string])[],
): Promise<string> {
  const child = spawn('script', ['-qec', shell, '/dev/null'], {
    env: { ...env, TERM: 'xterm', PS1: 'ready> ' },
    cwd: kon.folder,
  });
  let screen = '';
  let from = 0;
  const left = [...steps];
  return new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
      const next = left[0];
      // Control sequences are removed from all output since the last match, not from each chunk, because a sequence can
      // arrive in two chunks.
      if (!next || !stripVTControlCharacters(screen.slice(from)).includes(next[0])) return;
      from = screen.length;
      left.shift();
      child.stdin.write(next[1]);
    });
    child.once('error', reject);
    child.once('close', () => resolve(stripVTControlCharacters(screen)));
  });
}

describe('in a shell', () => {
  it('bash completes commands, verbs and the names of objects in the cluster', async ({ skip }) => {
    await requireShell('bash', skip);
    const screen = await typeInto('bash --norc --noprofile -i', [
      ['ready> ', 'source <(kon completion bash); echo loaded\n'],
      ['loaded\r\nready> ', 'kon acc\tshow li\t\u0001echo got \n'],
      ['got kon account show listed', 'exit\n'],
    ]);
    expect(screen).toContain('got kon account show listed');
  });

  it('zsh completes commands, verbs and the names of objects in the cluster', async ({ skip }) => {
    await requireShell('zsh', skip);
    const screen = await typeInto('zsh -f -i', [
      ['ready> ', 'autoload -U compinit; compinit -D -u; source <(kon completion zsh); echo load"ed"\n'],
      ['loaded', 'kon acc\t'],
      ['account', 'show li\t'],
      ['listed', '\u0001echo g"o"t \n'],
      ['got kon account show listed', 'exit\n'],
    ]);
    expect(screen).toContain('got kon account show listed');
  });

  it('fish completes commands and the names of objects in the cluster', async ({ skip }) => {
    await requireShell('fish', skip);
    const script = 'kon completion fish | source; complete -C "kon acc"; complete -C "kon account show li"';
    const { stdout } = await promisify(execFile)('fish', ['--no-config', '-c', script], { env });
    expect(stdout.split('\n').slice(0, 2)).toEqual([expect.stringMatching(/^account\t.+/), 'listed']);
  });
});

describe('values with colons', () => {
  it('are completed by bash', async ({ skip }) => {
    await requireShell('bash', skip);
    const screen = await typeInto('bash --norc --noprofile -i', [
      ['ready> ', 'source <(kon completion bash); echo loaded\n'],
      ['loaded\r\nready> ', `${policyKeys}\u0001echo got \n`],
      ['got kon account', 'exit\n'],
    ]);
    expect(screen).toContain(`got kon account create x --policy ${policy}\r\n`);
  });

  it('are completed by bash after an equals sign', async ({ skip }) => {
    await requireShell('bash', skip);
    const keys = policyKeys.replace('--policy ', '--policy=');
    const screen = await typeInto('bash --norc --noprofile -i', [
      ['ready> ', 'source <(kon completion bash); echo loaded\n'],
      ['loaded\r\nready> ', `${keys}\u0001echo got \n`],
      ['got kon account', 'exit\n'],
    ]);
    expect(screen).toContain(`got kon account create x --policy=${policy}\r\n`);
  });

  it('are completed by zsh', async ({ skip }) => {
    await requireShell('zsh', skip);
    const screen = await typeInto('zsh -f -i', [
      ['ready> ', 'autoload -U compinit; compinit -D -u; source <(kon completion zsh); echo load"ed"\n'],
      ['loaded', 'kon account create x --policy arn:aws:iam::\t'],
      ['aws:policy/', 'AmazonS3ReadOnlyA\t'],
      ['AmazonS3ReadOnlyAccess', '\u0001echo g"o"t \n'],
      ['got kon account', 'exit\n'],
    ]);
    expect(screen).toContain(`got kon account create x --policy ${policy}`);
  });

  it('are completed by fish', async ({ skip }) => {
    await requireShell('fish', skip);
    const script =
      'kon completion fish | source; complete -C "kon account create x --policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyA"';
    const { stdout } = await promisify(execFile)('fish', ['--no-config', '-c', script], { env });
    expect(stdout.trim()).toBe(policy);
  });
});

describe('through kubectl', () => {
  const kubectl = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(cluster.kubectlPath, args, { env })).stdout;

  it('kon runs as a plugin', async () => {
    expect(await kubectl('kon', 'account', 'list', '-o', 'name')).toBe(
      'linkedserviceaccount.k11n.dev/listed\n',
    );
  });

  it('the completion of `kubectl kon` offers commands, object names and file names', async () => {
    expect(await kubectl('__complete', 'kon', 'acc')).toMatch(/^account\t.+\n:4\n$/);
    expect(await kubectl('__complete', 'kon', 'account', 'show', '')).toMatch(/^listed\s*\n:4\n$/);
    expect(await kubectl('__complete', 'kon', 'apply', '-f', '')).toBe(':0\n');
  });
});

describe('shell completion', () => {
  const servers: Server[] = [];
  afterAll(() => servers.forEach((server) => server.close()));

  const complete = async (kubeconfig: object): Promise<number> => {
    const path = await kon.file('silent.json', JSON.stringify(kubeconfig));
    const began = performance.now();
    const result = await kon.run(['__complete', '--', '--kubeconfig', path, 'account', 'show', '']);
    expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
    return performance.now() - began;
  };
  const kubeconfig = (server: string, user: object): object => ({
    'current-context': 'a',
    contexts: [{ name: 'a', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user }],
  });
  /**
   * Time limit in milliseconds: completion gives up after half a second, and the rest is for starting `kon` on a busy
   * machine.
   */
  const soon = 2500;

  it('ends after a time limit when the API server accepts connections but never responds', async () => {
    const server = createServer(() => undefined);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await complete(kubeconfig(`https://127.0.0.1:${port}`, { token: 'x' }))).toBeLessThan(soon);
  });

  it('ends after a time limit when a credential plugin takes too long', async () => {
    const command = await kon.file('plugin', '#!/bin/sh\nexec sleep 20\n');
    await chmod(command, 0o755);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never' };
    expect(await complete(kubeconfig(cluster.server, { exec }))).toBeLessThan(soon);
  });
});
