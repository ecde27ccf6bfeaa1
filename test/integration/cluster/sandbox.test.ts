/** The sandbox as users use it: started, queried and stopped through `kon`. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { SandboxDescription } from '../../../sandbox/src/supervisor/description.ts';

type Status = Omit<SandboxDescription, 'credentials' | 'nodeCredentials'> & {
  readonly env: Readonly<Record<string, string>>;
};
type Result = { readonly code: number; readonly stdout: string; readonly stderr: string };

const kon = join(inject('bundle'), 'kon.js');
const run = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kon-sandbox-test-'));
});
afterAll(async () => {
  await command(['sandbox', 'down']);
  await rm(folder, { recursive: true, force: true });
});

async function command(args: readonly string[]): Promise<Result> {
  const env = { ...process.env, KON_SANDBOX_DIR: folder };
  try {
    return { code: 0, ...(await run(process.execPath, [kon, ...args], { env })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

async function statusOf(): Promise<Status> {
  return JSON.parse((await command(['sandbox', 'status', '-o', 'json'])).stdout) as Status;
}

/**
 * Returns the lines of `ps` for the sandbox and its parts, and for all other processes whose command line contains the
 * sandbox's folder.
 */
async function processes(status: Status): Promise<string[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,command=']);
  const pids = new Set([status.pid, ...status.parts.map(({ pid }) => pid)].map(String));
  return stdout
    .split('\n')
    .filter((line) => !/\bps -A\b/.test(line) && !line.includes('<defunct>'))
    .filter((line) => line.includes(folder) || pids.has(line.trim().split(/\s+/)[0] ?? ''));
}

/** Waits for the processes to end by themselves. */
async function untilNone(status: Status): Promise<void> {
  await expect.poll(() => processes(status), { timeout: 10_000, interval: 50 }).toEqual([]);
}

describe('a sandbox in the background', () => {
  let status: Status;
  beforeAll(async () => {
    // Of two concurrent commands, only one starts the sandbox, and both succeed.
    const starts = await Promise.all([
      command(['sandbox', 'up', '--detach']),
      command(['sandbox', 'up', '--detach']),
    ]);
    for (const start of starts) expect(start).toMatchObject({ code: 0 });
    status = await statusOf();
  });

  async function kubectl(args: readonly string[], input?: object): Promise<string> {
    // Without a home directory, kubectl would keep its cache in the working directory.
    const child = run(status.kubectl, args, { env: { ...status.env, HOME: folder } });
    child.child.stdin?.end(input === undefined ? '' : JSON.stringify(input));
    return (await child).stdout;
  }

  test('runs every part, and prints how to use it', async () => {
    expect(status.state).toBe('running');
    expect(status.parts.map(({ name }) => name).sort()).toEqual([
      'aws',
      'etcd',
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
      'kwok',
      'operator',
      'webhook',
    ]);
    for (const part of status.parts) {
      expect(part).toMatchObject({ running: true });
      expect(part.rssBytes).toBeGreaterThan(5e6);
      expect(existsSync(part.log)).toBe(true);
    }
    expect(Math.abs(Date.now() - Date.parse(status.startedAt))).toBeLessThan(3_600_000);
    expect(status.env['KUBECONFIG']).toBe(status.kubeconfig);
    expect(status.env['AWS_ENDPOINT_URL']).toBe(status.awsEndpoint);
    expect((await command(['sandbox', 'status'])).stdout).toContain('kube-apiserver');
  });

  test('has a folder and secrets that no user can access except the user who started the sandbox', async () => {
    for (const path of [folder, join(folder, 'run')]) expect((await stat(path)).mode & 0o777).toBe(0o700);
    for (const path of [status.kubeconfig, join(folder, 'aws-credentials'), join(folder, 'sandbox.json')])
      expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('has a Ready node and the target namespaces, and publishes an EKS issuer URL and the URL of the keys of that issuer', async () => {
    const nodes = JSON.parse(await kubectl(['get', 'nodes', '-o', 'json'])) as { items: unknown[] };
    expect(nodes.items).toHaveLength(1);
    await kubectl(['wait', '--for=condition=Ready', 'node/node-1', '--timeout=1s']);
    await kubectl(['get', 'namespace', 'production', 'staging']);
    const discovery = JSON.parse(await kubectl(['get', '--raw', '/.well-known/openid-configuration'])) as {
      issuer: string;
      jwks_uri: string;
    };
    expect(discovery.issuer).toMatch(/^https:\/\/oidc\.eks\.us-west-2\.amazonaws\.com\/id\/[0-9A-F]{32}$/);
    expect(discovery.jwks_uri).toBe(`${status.server}/openid/v1/jwks`);
  });

  test('is found by a second start, which reports that it already runs', async () => {
    for (const args of [['--detach'], []]) {
      const second = await command(['sandbox', 'up', ...args]);
      expect(second).toMatchObject({ code: 0 });
      expect(second.stdout).toContain('is running already');
      expect(second.stdout).toContain(status.kubeconfig);
    }
    expect((await statusOf()).pid).toBe(status.pid);
  });

  test('is usable from a shell that evaluates the output of `kon sandbox env`', async () => {
    const { stdout } = await command(['sandbox', 'env']);
    const shell = await run(
      'sh',
      ['-c', `${stdout}\nkubectl get namespace default -o name; echo $AWS_REGION`],
      {
        env: { PATH: process.env['PATH'] ?? '', HOME: folder },
      },
    );
    expect(shell.stdout).toBe('namespace/default\nus-west-2\n');
    expect(stdout).not.toContain("export PATH='");
    expect(stdout).not.toContain(process.env['PATH'] ?? 'PATH');
  });

  test('injects a role and a token only into pods whose ServiceAccount names a role, and runs all pods', async () => {
    const roleArn = 'arn:aws:iam::123456789012:role/reader';
    const account = (name: string, annotations: object): object => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name, namespace: 'default', annotations },
    });
    const pod = (name: string, serviceAccountName: string): object => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: {
        serviceAccountName,
        containers: [
          { name: 'app', image: 'app:1' },
          { name: 'sidecar', image: 'app:1' },
        ],
      },
    });
    await kubectl(['apply', '-f', '-'], {
      apiVersion: 'v1',
      kind: 'List',
      items: [
        account('linked', { 'eks.amazonaws.com/role-arn': roleArn }),
        account('plain', {}),
        pod('linked', 'linked'),
        pod('plain', 'plain'),
      ],
    });
    await kubectl(['wait', '--for=condition=Ready', 'pod/linked', 'pod/plain', '--timeout=20s']);
    const get = async (
      name: string,
    ): Promise<{ spec: { containers: { env?: object[] }[]; volumes: object[] } }> =>
      JSON.parse(await kubectl(['get', 'pod', name, '-o', 'json'])) as Awaited<ReturnType<typeof get>>;
    const linked = await get('linked');
    for (const container of linked.spec.containers)
      expect(container.env).toContainEqual({ name: 'AWS_ROLE_ARN', value: roleArn });
    expect(linked.spec.volumes).toContainEqual(expect.objectContaining({ name: 'aws-iam-token' }));
    const plain = await get('plain');
    expect(plain.spec.containers[0]).not.toHaveProperty('env');
    expect(await readFile(join(folder, 'logs/webhook.log'), 'utf8')).toMatch(
      /pod default\/linked of ServiceAccount linked: injected\n/,
    );
  });

  test('gives a program the environment variables and the token of its pod, and no other AWS identity', async () => {
    const script = `
      const { readFileSync } = require('node:fs');
      const file = process.env.AWS_WEB_IDENTITY_TOKEN_FILE;
      const claims = file && JSON.parse(Buffer.from(readFileSync(file, 'utf8').split('.')[1], 'base64url'));
      const aws = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('AWS_')));
      console.log(JSON.stringify({ aws, claims }));
      process.exitCode = 7;`;
    const execute = async (
      pod: string,
    ): Promise<{ code: number; aws: Record<string, string>; claims?: Record<string, unknown> }> => {
      const { code, stdout } = await command(['sandbox', 'exec', pod, '--', process.execPath, '-e', script]);
      return { code, ...(JSON.parse(stdout) as { aws: Record<string, string> }) };
    };
    const linked = await execute('linked');
    expect(linked.code).toBe(7);
    const tokenFile = linked.aws['AWS_WEB_IDENTITY_TOKEN_FILE'] ?? '';
    expect(linked.aws).toEqual({
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/reader',
      AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
      AWS_STS_REGIONAL_ENDPOINTS: 'regional',
      AWS_REGION: 'us-west-2',
      AWS_DEFAULT_REGION: 'us-west-2',
      AWS_ENDPOINT_URL: status.awsEndpoint,
      AWS_ENDPOINT_URL_STS: status.awsEndpoint,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    });
    expect(linked.claims).toMatchObject({
      iss: status.issuer,
      aud: ['sts.amazonaws.com'],
      sub: 'system:serviceaccount:default:linked',
      'kubernetes.io': { pod: { name: 'linked' } },
    });
    expect(existsSync(tokenFile)).toBe(false);

    const plain = await execute('plain');
    expect(plain.claims).toBeUndefined();
    expect(Object.keys(plain.aws).sort()).toEqual([
      'AWS_CONFIG_FILE',
      'AWS_EC2_METADATA_DISABLED',
      'AWS_ENDPOINT_URL',
      'AWS_ENDPOINT_URL_STS',
      'AWS_SHARED_CREDENTIALS_FILE',
    ]);
  });

  test('issues pod tokens that get credentials only for a role that trusts these tokens', async () => {
    const provider = status.issuer.replace('https://', '');
    const trust = (subject: string): string =>
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Federated: `arn:aws:iam::123456789012:oidc-provider/${provider}` },
            Action: 'sts:AssumeRoleWithWebIdentity',
            Condition: {
              StringEquals: { [`${provider}:sub`]: subject, [`${provider}:aud`]: 'sts.amazonaws.com' },
            },
          },
        ],
      });
    const { IAMClient, CreateRoleCommand, UpdateAssumeRolePolicyCommand } =
      await import('@aws-sdk/client-iam');
    const iam = new IAMClient({
      endpoint: status.awsEndpoint,
      region: 'us-west-2',
      credentials: {
        accessKeyId: status.env['AWS_ACCESS_KEY_ID'] ?? '',
        secretAccessKey: status.env['AWS_SECRET_ACCESS_KEY'] ?? '',
      },
    });
    const program = `
      import('${import.meta.resolve('@aws-sdk/client-sts')}').then(async ({ STSClient, GetCallerIdentityCommand }) => {
        try {
          console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn);
        } catch (error) {
          console.log(error.name);
        }
      });`;
    const whoAmI = async (pod: string): Promise<string> =>
      (await command(['sandbox', 'exec', pod, '--', process.execPath, '-e', program])).stdout.trim();
    await iam.send(
      new CreateRoleCommand({
        RoleName: 'reader',
        AssumeRolePolicyDocument: trust('system:serviceaccount:default:linked'),
      }),
    );
    expect(await whoAmI('linked')).toMatch(/^arn:aws:sts::123456789012:assumed-role\/reader\//);
    await iam.send(
      new UpdateAssumeRolePolicyCommand({
        RoleName: 'reader',
        PolicyDocument: trust('system:serviceaccount:default:plain'),
      }),
    );
    expect(await whoAmI('linked')).toBe('AccessDenied');
    iam.destroy();
  });

  test('passes signals to the program of kon sandbox exec, and removes the token when the program ends or at the latest when the next program starts', async () => {
    const temporary = await mkdtemp(join(folder, 'tmp-'));
    const program = `
      let interrupts = 0;
      process.on('SIGINT', () => {
        console.log('interrupt', ++interrupts);
        if (interrupts === 3) process.exit(9);
      });
      setInterval(() => undefined, 1000);
      console.log('runs as', process.pid);`;
    const start = (): { child: ChildProcess; says: (text: string) => Promise<string> } => {
      const child = spawn(
        process.execPath,
        [kon, 'sandbox', 'exec', 'linked', '--', process.execPath, '-e', program],
        {
          env: { ...process.env, KON_SANDBOX_DIR: folder, TMPDIR: temporary },
          stdio: ['pipe', 'pipe', 'inherit'],
        },
      );
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
      return {
        child,
        says: async (text) => {
          await expect.poll(() => said, { timeout: 10_000, interval: 20 }).toContain(text);
          return said;
        },
      };
    };

    const patient = start();
    await patient.says('runs as');
    expect(await readdir(temporary)).toHaveLength(1);
    for (const interrupt of ['interrupt 1', 'interrupt 2']) {
      patient.child.kill('SIGINT');
      await patient.says(interrupt);
    }
    const ended = once(patient.child, 'exit');
    patient.child.kill('SIGINT');
    expect(await ended).toEqual([9, null]);
    expect(await readdir(temporary)).toEqual([]);

    const terminated = start();
    await terminated.says('runs as');
    const end = once(terminated.child, 'exit');
    terminated.child.kill('SIGTERM');
    expect(await end).toEqual([143, null]);
    expect(await readdir(temporary)).toEqual([]);

    const killed = start();
    const [, pid = ''] = /runs as (\d+)/.exec(await killed.says('runs as')) ?? [];
    const died = once(killed.child, 'exit');
    killed.child.kill('SIGKILL');
    await died;
    process.kill(Number(pid), 'SIGKILL');
    expect(await readdir(temporary)).toHaveLength(1);
    const next = start();
    await next.says('runs as');
    expect(await readdir(temporary)).toHaveLength(1);
    const gone = once(next.child, 'exit');
    next.child.kill('SIGTERM');
    await gone;
    expect(await readdir(temporary)).toEqual([]);
  });

  test.each([
    [['sandbox', 'exec', 'nobody', '--', 'true'], /pod "nobody" not found in namespace "default"/],
    [
      ['sandbox', 'exec', 'linked', '-c', 'nope', '--', 'true'],
      /has no container "nope"; its containers are app, sidecar/,
    ],
    [['sandbox', 'exec', 'deploy/none', '--', 'true'], /deployment "none" not found/],
    [['sandbox', 'exec', 'linked', '--', 'no-such-program'], /program "no-such-program" not found on PATH/],
    [['sandbox', 'logs', 'kubelet'], /the sandbox has no log "kubelet"/],
  ])('explains the failure of %j in words', async (args, words) => {
    const { code, stderr } = await command(args);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(words);
  });

  test('prints the log of one of its parts', async () => {
    const { stdout } = await command(['sandbox', 'logs', 'webhook', '--tail', '1']);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect((await command(['sandbox', 'logs', 'audit'])).stdout).toContain('"apiVersion":"audit.k8s.io/v1"');
  });

  test('reports a part that ends by itself', async () => {
    const webhook = status.parts.find(({ name }) => name === 'webhook');
    process.kill(webhook?.pid ?? 0, 'SIGKILL');
    await expect.poll(async () => (await statusOf()).state, { timeout: 10_000 }).toBe('degraded');
    const degraded = await statusOf();
    expect(degraded.parts.find(({ name }) => name === 'webhook')).toMatchObject({
      running: false,
      exit: { signal: 'SIGKILL' },
      rssBytes: 0,
    });
    const { code, stdout } = await command(['sandbox', 'status']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/webhook\tended by SIGKILL/);
  });

  test('ends every process and removes its secrets on `kon sandbox down`', async () => {
    expect((await processes(status)).length).toBeGreaterThan(7);
    expect(await command(['sandbox', 'down'])).toMatchObject({
      code: 0,
      stdout: 'The sandbox is stopped.\n',
    });
    expect(await processes(status)).toEqual([]);
    for (const name of ['run', 'kubeconfig', 'aws-credentials', 'sandbox.json', 'lock'])
      expect(existsSync(join(folder, name))).toBe(false);
    expect(existsSync(join(folder, 'logs/kube-apiserver.log'))).toBe(true);
    expect(await command(['sandbox', 'status', '-o', 'json'])).toMatchObject({ code: 1 });
    expect(await command(['sandbox', 'down'])).toMatchObject({
      code: 0,
      stdout: 'No sandbox was running.\n',
    });
  });
});

test('when the process of the sandbox is killed, no other process keeps running, and the next start cleans up', async () => {
  expect(await command(['sandbox', 'up', '--detach', '--without-operator'])).toMatchObject({ code: 0 });
  const first = await statusOf();
  expect((await processes(first)).length).toBeGreaterThan(6);
  process.kill(first.pid, 'SIGKILL');
  await untilNone(first);
  expect(existsSync(join(folder, 'run'))).toBe(true);
  expect(await command(['sandbox', 'status'])).toMatchObject({ code: 1 });

  const again = await command(['sandbox', 'up', '--detach', '--without-operator']);
  expect(again).toMatchObject({ code: 0 });
  expect(again.stderr).toContain('Removed the leftovers of a sandbox that was killed');
  const second = await statusOf();
  expect(second.state).toBe('running');
  await command(['sandbox', 'down']);
  await untilNone(second);
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s during a start ends the processes that were started',
  async (signal) => {
    const child = spawn(process.execPath, [kon, 'sandbox', 'up'], {
      env: { ...process.env, KON_SANDBOX_DIR: folder },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    // The signal is sent only once, because a second signal would end the process immediately.
    child.stderr.once('data', () => child.kill(signal));
    const code = await new Promise((resolve) => {
      child.once('exit', resolve);
    });
    expect(code).toBe(130);
    for (const left of ['lock', 'run']) expect(existsSync(join(folder, left))).toBe(false);
    expect((await run('ps', ['-A', '-o', 'command='])).stdout).not.toContain(folder);
  },
);

test('a second signal ends the sandbox at once and leaves no process running', async () => {
  const child = spawn(process.execPath, [kon, 'sandbox', 'up'], {
    env: { ...process.env, KON_SANDBOX_DIR: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.once('data', () => {
    child.kill('SIGINT');
    child.stderr.once('data', () => child.kill('SIGINT'));
  });
  await new Promise((resolve) => {
    child.once('exit', resolve);
  });
  await expect
    .poll(async () => (await run('ps', ['-A', '-o', 'command='])).stdout, { timeout: 10_000 })
    .not.toContain(folder);
});
