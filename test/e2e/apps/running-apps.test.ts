/** Tests of the commands for running apps, with the shipped executable in a complete sandbox. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import { eventually } from '../../support/eventually.ts';
import { createPerson, policies, roleOf, type Person } from '../../support/person.ts';
import { startSandbox, type TestSandbox } from '../../support/sandbox.ts';

type Deployment = KubeObject & {
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
      readonly spec: { readonly containers: readonly { readonly image: string }[] };
    };
  };
};

let sandbox: TestSandbox;
let person: Person;

beforeAll(async () => {
  sandbox = await startSandbox();
  person = createPerson(sandbox.client);
});

afterAll(async () => sandbox?.stop());

const deployment = (name: string, namespace: string): Promise<Deployment> =>
  sandbox.client.get<Deployment>(resources.deployments, { namespace, name });

const runApp = async (name: string, ...args: string[]): Promise<void> => {
  const made = await sandbox.kon(['app', 'create', name, '--image', 'web:1', '--replicas', '2', ...args]);
  expect(made.stderr).toContain('is Ready');
};

const rows = (stdout: string): readonly (readonly string[])[] =>
  stdout
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'));

describe('kon app', () => {
  it('deploys a tag, shows the deployed revisions, and rolls back', async () => {
    await runApp('shop');
    const deployed = await sandbox.kon(['app', 'deploy', 'shop', '--tag', '2']);
    expect(deployed).toMatchObject({ code: 0, stdout: 'app/shop deployed web:2\n' });
    expect(deployed.stderr).toContain('production: yes, 2 of 2 replicas are available (Available)\n');
    expect(deployed.stderr).toMatch(/^app shop runs in production, staging after /m);
    expect((await sandbox.kon(['app', 'deploy', 'shop', '--tag', '2'])).stdout).toBe(
      'app/shop unchanged, web:2\n',
    );

    const history = rows((await sandbox.kon(['app', 'history', 'shop', '--target', 'staging'])).stdout);
    expect(history.map((row) => row.slice(0, 6))).toEqual([
      ['staging', '2', 'deployed', 'web:2', '-', 'image'],
      ['staging', '1', 'kept', 'web:1', '-', '-'],
    ]);
    const names = await sandbox.kon(['app', 'history', 'shop', '-o', 'name']);
    expect(names.stdout.match(/^replicaset\.apps\/shop-/gm)).toHaveLength(4);

    const planned = await sandbox.kon(['app', 'rollback', 'shop', '--dry-run']);
    expect(planned).toMatchObject({ code: 0, stdout: 'app/shop rolled back (dry run)\n' });
    expect((await deployment('shop', 'production')).spec.template.spec.containers[0]?.image).toBe('web:2');
    const back = await sandbox.kon(['app', 'rollback', 'shop', '--to', '1']);
    expect(back).toMatchObject({ code: 0, stdout: 'app/shop rolled back\n' });
    expect(back.stderr).toContain('  spec.imageTag: 2 → 1\n');
    for (const target of ['production', 'staging'])
      expect((await deployment('shop', target)).spec.template.spec.containers[0]?.image).toBe('web:1');
    const unknown = await sandbox.kon(['app', 'rollback', 'shop', '--to', '99']);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('Error: app "shop" has no revision 99');
  });

  it('waits for the target in --target, or for all targets without --target, and reports why a target is not ready', async () => {
    await runApp('half');
    await sandbox.client.create<KubeObject & { readonly spec: object }>(resourceQuotas, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'full', namespace: 'staging' },
      spec: { hard: { pods: '0' } },
    });
    try {
      await eventually('the quota to be enforced', async () => {
        const quota = await sandbox.client.get<
          KubeObject & { readonly status?: { readonly hard?: { readonly pods?: string } } }
        >(resourceQuotas, { namespace: 'staging', name: 'full' });
        return quota.status?.hard?.pods === '0' || undefined;
      });
      const one = await sandbox.kon(['app', 'deploy', 'half', '--tag', '2', '--target', 'production']);
      expect(one.code).toBe(0);
      const all = await sandbox.kon(['app', 'deploy', 'half', '--tag', '2', '--timeout', '1s']);
      expect(all.code).toBe(1);
      expect(all.stderr).toContain('Error: app "half" was saved but does not run in all targets after 1s\n');
      expect(all.stderr).toMatch(/^ {2}target staging: .*exceeded quota: full/m);
      expect(all.stderr).toContain('kon app rollback half');
    } finally {
      await sandbox.client.delete(resourceQuotas, { namespace: 'staging', name: 'full' });
    }
    const wrong = await sandbox.kon(['app', 'deploy', 'half', '--tag', '3', '--target', 'nowhere']);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain(
      'Error: app "half" has no target "nowhere"\n  The app runs in the targets production, staging.',
    );
    const odd = await sandbox.kon(['app', 'deploy', 'half', '--tag', 'not/a/tag']);
    expect(odd.code).toBe(1);
    expect(odd.stderr).toContain('imageTag');
  });

  it('restarts pods target by target, and the operator keeps the restart annotation', async () => {
    await runApp('again');
    const before = await person.pods('again', 'production');
    const restarted = await sandbox.kon(['app', 'restart', 'again']);
    expect(restarted).toMatchObject({
      code: 0,
      stdout: 'app/again restarted in production\napp/again restarted in staging\n',
    });
    expect(restarted.stderr.indexOf('again runs in production')).toBeLessThan(
      restarted.stderr.indexOf('again runs in staging'),
    );
    const after = await person.untilPods('again', 'production', 'replaced', ({ metadata }) =>
      before.every((pod) => pod.metadata.uid !== metadata.uid),
    );
    expect(after).toHaveLength(2);
    const mark = async (): Promise<string | undefined> =>
      (await deployment('again', 'production')).spec.template.metadata.annotations?.[
        'kubectl.kubernetes.io/restartedAt'
      ];
    const marked = await mark();
    expect(marked).toBeDefined();
    // The operator applies the whole template: the new image replaces the old one, and the restart annotation remains.
    await sandbox.kon(['app', 'deploy', 'again', '--tag', '2']);
    expect(await mark()).toBe(marked);
    expect(await person.revision('again', 'production')).toBe(3);
    const changed = rows((await sandbox.kon(['app', 'history', 'again', '-t', 'production'])).stdout);
    expect(changed.map((row) => row[5])).toEqual(['image', 'restart', '-']);
  });

  it('halts and resumes an app in all targets or in one target', async () => {
    await runApp('night');
    const replicas = async (): Promise<readonly number[]> =>
      Promise.all(
        ['production', 'staging'].map(async (target) => (await deployment('night', target)).spec.replicas),
      );
    expect((await sandbox.kon(['app', 'halt', 'night', '--target', 'staging'])).code).toBe(0);
    expect(await replicas()).toEqual([2, 0]);
    const refused = await sandbox.kon(['app', 'restart', 'night', '--target', 'staging']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('Error: app "night" is halted in staging');
    expect((await sandbox.kon(['app', 'restart', 'night'])).stdout).toBe(
      'app/night restarted in production\n',
    );
    expect((await sandbox.kon(['app', 'halt', 'night'])).code).toBe(0);
    expect(await replicas()).toEqual([0, 0]);
    expect((await sandbox.kon(['app', 'pods', 'night', '-o', 'name'])).stdout).toBe('');
    expect((await sandbox.kon(['app', 'resume', 'night'])).code).toBe(0);
    expect(await replicas()).toEqual([2, 2]);
    expect((await sandbox.kon(['app', 'resume', 'night'])).stdout).toBe('app/night unchanged\n');
  });

  it('shows the identity of each pod', async () => {
    await person.createAccount('reader', { policyArns: [policies.readOnly] });
    await person.untilReady('reader');
    await runApp('held', '--account', 'reader');
    const role = (await person.pods('held', 'production'))[0];
    const own = rows((await sandbox.kon(['app', 'pods', 'held'])).stdout);
    expect(own).toHaveLength(4);
    for (const row of own) expect(row[5]).toBe('current');
    expect(own[0]?.[6]).toMatch(/^arn:aws:iam::[0-9]{12}:role\//);
    expect(own.map((row) => row[1])).toContain(role?.metadata.name);
    const json = JSON.parse((await sandbox.kon(['app', 'pods', 'held', '-o', 'json'])).stdout) as {
      items: unknown[];
    };
    expect(json.items).toHaveLength(4);
  });

  it('watches an app until its deletion', async () => {
    await runApp('watched', '--target', 'production');
    const watch = sandbox.startKon(['app', 'status', 'watched', '--watch']);
    await watch.until('web:1');
    const documents = sandbox.startKon(['app', 'status', 'watched', '-w', '-o', 'json']);
    await documents.until('"imageTag":"1"');
    await sandbox.kon(['app', 'deploy', 'watched', '--tag', '2']);
    await watch.until('web:2');
    await documents.until('"imageTag":"2"');
    const interrupted = await documents.end('SIGINT');
    expect(interrupted).toMatchObject({ code: 130, stderr: '' });
    const lines = interrupted.stdout.trimEnd().split('\n');
    expect(new Set(lines.map((line) => (JSON.parse(line) as KubeObject).metadata.name))).toEqual(
      new Set(['watched']),
    );
    await sandbox.kon(['app', 'delete', 'watched', '--yes']);
    const ended = await watch.finished;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('Error: app "watched" was deleted');
    const missing = await sandbox.kon(['app', 'status', 'watched', '--watch']);
    expect(missing.stderr).toContain('Error: app "watched" not found');
  });

  it('exports an app as a manifest that can be applied again', async () => {
    await runApp('moved', '--target', 'production');
    const exported = await sandbox.kon(['app', 'export', 'moved']);
    expect(exported.stdout).not.toMatch(/uid|status|managedFields|resourceVersion/);
    await sandbox.kon(['app', 'delete', 'moved', '--yes']);
    const applied = await sandbox.kon(['apply', '-f', '-'], { input: exported.stdout });
    expect(applied.stdout).toBe('app/moved created\n');
    expect((await sandbox.kon(['app', 'export', 'moved'])).stdout).toBe(exported.stdout);
  });
});

const resourceQuotas = {
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  namespaced: true,
} as const;

describe('pods of a sandbox', () => {
  const program = ['/bin/sh', '-c', 'echo "$AWS_ROLE_ARN"; echo "trouble" >&2; exit 7'];
  let role: string | undefined;
  let echo: Server;
  let port: number;

  beforeAll(async () => {
    await person.createAccount('talker');
    role = (await person.untilReady('talker')).status?.roleArn;
    await person.createApp('talker', { serviceAccount: 'talker' });
    await person.untilAppReady('talker');
    echo = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.pipe(socket);
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    port = (echo.address() as AddressInfo).port;
  });
  afterAll(() => {
    echo?.close();
  });

  it('run programs with the identity of the pod, and show the output of the programs', async () => {
    const shell = await sandbox.kon(['app', 'shell', 'talker', '--target', 'production', '--', ...program]);
    expect(shell).toMatchObject({
      code: 7,
      stdout: `${role}\n`,
      stderr: expect.stringMatching(/^trouble\n/),
    });
  });

  it("show in their logs the output of programs that run with the pod's identity, and a user can follow these logs", async () => {
    const before = await sandbox.kon(['app', 'logs', 'talker', '--target', 'production']);
    expect(before.code).toBe(0);
    expect(before.stdout).toMatch(
      /^No program runs in this pod\. .*kon sandbox exec talker-\S+ -n production --log/,
    );
    const following = sandbox.startKon(['app', 'logs', 'talker', '-f', '--target', 'production']);
    await following.until('No program runs in this pod');
    const env = { KON_SANDBOX_DIR: sandbox.description.folder };
    const args = ['sandbox', 'exec', 'deploy/talker', '-n', 'production', '--log', '--', ...program];
    const ran = await sandbox.kon(args, { env });
    expect(ran).toMatchObject({ code: 7, stdout: `${role}\n` });
    await following.until('trouble');
    expect((await following.end('SIGINT')).stdout).toContain(`${role}\n`);
    const last = await sandbox.kon(['app', 'logs', 'talker', '--tail', '2', '--target', 'production']);
    expect(last.stdout.split('\n').toSorted()).toEqual(['', role, 'trouble']);
  });

  it('accept connections through a port forward, which sends new connections to the new pods after a rollout', async () => {
    const forwarding = sandbox.startKon([
      'app',
      'port-forward',
      'talker',
      `:${port}`,
      '--target',
      'production',
    ]);
    await forwarding.until('->');
    const local = Number(/127\.0\.0\.1:(\d+)/.exec(forwarding.output())?.[1]);
    const say = async (socket: Socket, text: string): Promise<string> => {
      socket.write(text);
      return String((await once(socket, 'data'))[0]);
    };
    const first = connect(local, '127.0.0.1');
    const closed = once(first, 'close');
    expect(await say(first, 'before')).toBe('before');
    const [pod] = await person.pods('talker', 'production');
    expect((await sandbox.kon(['app', 'deploy', 'talker', '--tag', '2'])).code).toBe(0);
    await closed;
    await person.untilPods(
      'talker',
      'production',
      'replaced',
      ({ metadata }) => metadata.uid !== pod?.metadata.uid,
    );
    const second = connect(local, '127.0.0.1');
    expect(await say(second, 'after')).toBe('after');
    second.destroy();
    expect((await forwarding.end('SIGINT')).code).toBe(130);
  });

  it('are accessible only to the API server', async () => {
    type Node = KubeObject & { status: { daemonEndpoints: { kubeletEndpoint: { Port: number } } } };
    const node = await sandbox.client.get<Node>(resources.nodes, { name: 'node-1' });
    const kubelet = node.status.daemonEndpoints.kubeletEndpoint.Port;
    const [pod] = await person.pods('talker', 'production');
    const path = `/containerLogs/production/${pod?.metadata.name}/talker`;
    const ask = (identity: object): Promise<number | string> =>
      new Promise((resolve) => {
        const asked = request({ host: '127.0.0.1', port: kubelet, path, ca, ...identity }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        asked.on('error', ({ message }) => resolve(message));
        asked.end();
      });
    const run = join(sandbox.description.folder, 'run');
    const ca = await readFile(join(run, 'ca.crt'));
    expect(await ask({})).not.toBe(200);
    const kubeconfig = await readFile(sandbox.description.kubeconfig, 'utf8');
    const pem = (field: string): Buffer =>
      Buffer.from(new RegExp(`${field}: ?(\\S+)`).exec(kubeconfig)?.[1] ?? '', 'base64');
    expect(await ask({ cert: pem('client-certificate-data'), key: pem('client-key-data') })).toBe(403);
    const [cert, key] = await Promise.all(
      ['kubelet-client.crt', 'kubelet-client.key'].map((name) => readFile(join(run, name))),
    );
    expect(await ask({ cert, key })).toBe(200);

    // kwok does not authenticate its callers, so kwok must refuse to run a program in any pod of the cluster.
    const { pid } = sandbox.description.parts.find(({ name }) => name === 'kwok') ?? {};
    const { stdout } = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]);
    const kwok = /--server-address=(\S+)/.exec(stdout)?.[1];
    const stranger = new WebSocket(
      `ws://${kwok}/exec/production/${pod?.metadata.name}/talker?command=id&output=1&error=1`,
      'v4.channel.k8s.io',
    );
    let heard = '';
    stranger.on('message', (message: Buffer) => {
      heard += message.toString('utf8', 1);
    });
    await once(stranger, 'close');
    expect(heard).toContain('no exec found');
    expect(heard).not.toContain('uid=');
    expect(pod && roleOf(pod)).toBe(role);
  });
});
