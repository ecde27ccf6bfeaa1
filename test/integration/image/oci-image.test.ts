/**
 * The image that `make image` builds, with a base image made for this test: it is pushed to a registry, pulled,
 * unpacked, and run from its own file system.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findProgram } from '../../../scripts/find-program.ts';
import type { Index } from '../../../scripts/image/layout.ts';
import { imageSettings } from '../../../scripts/image/settings.ts';
import { awaitObjects } from '../../../sandbox/src/tour/await-object.ts';
import { clusterConfigs, type ClusterConfig } from '../../../src/api/index.ts';
import { isConditionTrue } from '../../../src/k8s/conditions.ts';
import { startRegistry, type Registry } from '../../support/registry.ts';
import { changesRoot, inImage } from '../../support/root-file-system.ts';
import { startSandbox } from '../../support/sandbox.ts';

const root = resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);
const host = `linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}`;

type Image = {
  readonly config: {
    readonly architecture: string;
    readonly created: string;
    readonly config: Readonly<Record<string, unknown>> & { readonly Env: readonly string[] };
  };
  /** Root folder of the unpacked file system. */
  readonly files: string;
};

let folder: string;
let crane: (...args: string[]) => Promise<string>;
let registry: Registry;
let base: string;
let pushed: string;
let image: Image;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kon-oci-'));
  const program = await findProgram('crane');
  crane = async (...args) => (await run(program, args, { maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
  registry = await startRegistry(program, join(folder, 'registry'));
  base = await pushBase();
  await build('image');
  await crane('push', join(folder, 'image'), `${registry.host}/konstellation:test`);
  pushed = `${registry.host}/konstellation@${await crane('digest', `${registry.host}/konstellation:test`)}`;
  image = await pull(host, 'unpacked');
});
afterAll(async () => {
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
});

/**
 * Pushes a base image. For this machine's platform it contains this machine's Node.js; for the other platform it
 * contains a text in place of Node.js.
 */
async function pushBase(): Promise<string> {
  const references: string[] = [];
  for (const platform of ['linux/amd64', 'linux/arm64']) {
    const name = platform.replace('/', '-');
    const files = join(folder, `base-${name}`);
    if (platform === host) await copyNode(files);
    else {
      await mkdir(join(files, 'nodejs/bin'), { recursive: true });
      await writeFile(join(files, 'nodejs/bin/node'), `Node.js for ${platform}\n`);
    }
    const archive = join(folder, `${name}.tar`);
    await run('tar', ['-cf', archive, '-C', files, '.']);
    const reference = `${registry.host}/base:${name}`;
    await crane('append', '--oci-empty-base', '-f', archive, '-t', reference);
    const config = ['--env=NODE_ENV=development', '--env=SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt'];
    await crane('mutate', reference, `--set-platform=${platform}`, '--user=0', ...config, '-t', reference);
    references.push('-m', reference);
  }
  await crane('index', 'append', ...references, '-t', `${registry.host}/base:all`);
  return `${registry.host}/base@${await crane('digest', `${registry.host}/base:all`)}`;
}

async function copyNode(files: string): Promise<void> {
  await mkdir(join(files, 'nodejs/bin'), { recursive: true });
  await copyFile(process.execPath, join(files, 'nodejs/bin/node'));
  if (process.platform !== 'linux') return;
  const { stdout } = await run('ldd', [process.execPath]);
  for (const [, library = ''] of stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)) {
    await mkdir(dirname(join(files, library)), { recursive: true });
    await copyFile(library, join(files, library));
  }
}

function build(name: string, ...options: string[]): Promise<{ readonly stdout: string }> {
  const script = join(root, 'scripts/build-image.ts');
  return run(process.execPath, [script, `--base=${base}`, `--outdir=${join(folder, name)}`, ...options]);
}

async function pull(platform: string, name: string): Promise<Image> {
  const archive = join(folder, `${name}.tar`);
  const files = join(folder, name);
  await mkdir(files);
  await crane('export', `--platform=${platform}`, pushed, archive);
  await run('tar', ['-xf', archive, '-C', files]);
  const config = JSON.parse(await crane('config', `--platform=${platform}`, pushed)) as Image['config'];
  return { config, files };
}

const indexDigest = async (name: string): Promise<string | undefined> =>
  (JSON.parse(await readFile(join(folder, name, 'index.json'), 'utf8')) as Index).manifests[0]?.digest;

it('the image in the registry has the digest of the local OCI layout, and passes the validation of crane', async () => {
  expect(pushed).toBe(`${registry.host}/konstellation@${await indexDigest('image')}`);
  for (const platform of ['linux/amd64', 'linux/arm64'])
    expect(await crane('validate', `--platform=${platform}`, '--remote', pushed)).toContain('PASS');
});

it('the image has the same digest for the same input, and a different digest for other platforms', async () => {
  await build('again');
  expect(await indexDigest('again')).toBe(await indexDigest('image'));
  await build('one-platform', `--platform=${host}`);
  expect(await indexDigest('one-platform')).not.toBe(await indexDigest('image'));
});

it('the image has the same operator layer for both platforms, on the base image of each platform', async () => {
  const manifests = await Promise.all(
    ['linux/amd64', 'linux/arm64'].map(
      async (platform) =>
        JSON.parse(await crane('manifest', `--platform=${platform}`, pushed)) as {
          layers: { digest: string }[];
        },
    ),
  );
  const [amd64, arm64] = manifests.map(({ layers }) => layers.map(({ digest }) => digest));
  expect(amd64).toHaveLength(2);
  expect(arm64).toHaveLength(2);
  expect(amd64?.[1]).toBe(arm64?.[1]);
  expect(amd64?.[0]).not.toBe(arm64?.[0]);
  const other = await pull(host === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64', 'other');
  expect(await readFile(join(other.files, 'nodejs/bin/node'), 'utf8')).toMatch(/^Node\.js for linux\//);
});

it('the image runs as a numeric non-root user, with the settings of the operator and the environment variables of the base image', async () => {
  const { Env, ...settings } = imageSettings;
  expect(image.config.config).toMatchObject(settings);
  expect(image.config.config.Env).toEqual(['SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt', ...Env]);
  expect(settings.User).toBe('65532:65532');
  expect(image.config.created).toBe('1970-01-01T00:00:00Z');
});

it('the image contains the bundle and its bill of materials, which root owns and no other user can write', async () => {
  const archive = join(folder, 'unpacked.tar');
  const { stdout } = await run('tar', ['--numeric-owner', '-tvf', archive], { maxBuffer: 64 * 1024 * 1024 });
  const files = stdout.split('\n').filter((line) => / app\//.test(line));
  expect(files.length).toBeGreaterThan(50);
  for (const line of files) expect(line).toMatch(/^[-d]rw[-x]r-[-x]r-[-x] +0\/0 /);
  expect(await readdir(join(image.files, 'app'))).not.toContain('modules');
  const bill = await readFile(join(image.files, 'app/sbom.cdx.json'), 'utf8');
  expect(bill).toBe(await readFile(join(folder, 'image.sbom.cdx.json'), 'utf8'));
  expect(JSON.parse(bill)).toMatchObject({ bomFormat: 'CycloneDX' });
});

it('the build refuses a base image that is named by a tag, and a platform that the base image lacks', async () => {
  const script = join(root, 'scripts/build-image.ts');
  await expect(run(process.execPath, [script, `--base=${registry.host}/base:all`])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('name the base image by digest') as string,
  });
  await expect(build('missing', '--platform=linux/s390x')).rejects.toMatchObject({
    stderr: expect.stringContaining(
      'the base image has no linux/s390x; its platforms are: linux/amd64, linux/arm64',
    ) as string,
  });
});

it('the operator runs with only the files pulled from the image, and cannot change these files', async () => {
  const sandbox = await startSandbox({ operator: false });
  try {
    // The user id that the operator runs as is not permitted to read the folder of the sandbox.
    const kubeconfig = join(image.files, 'app/kubeconfig');
    await copyFile(sandbox.description.kubeconfig, kubeconfig);
    await chmod(kubeconfig, 0o444);
    const before = await readdir(image.files, { recursive: true });
    if (!changesRoot()) await run('chmod', ['-R', 'a-w', image.files]);
    const args = [...imageSettings.Entrypoint.slice(1), 'operator', '--health-address=127.0.0.1:0'];
    const [command, ...rest] = inImage(image.files, args);
    const { AWS_CONFIG_FILE: _config, AWS_SHARED_CREDENTIALS_FILE: _credentials, ...env } = sandbox.env;
    const operator = spawn(command, rest, {
      cwd: '/',
      env: {
        ...env,
        PATH: process.env['PATH'] ?? '',
        HOME: '/nonexistent',
        KUBECONFIG: changesRoot() ? '/app/kubeconfig' : kubeconfig,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const ended = once(operator, 'exit');
    const end = new AbortController();
    const ready = awaitObjects<ClusterConfig, true>(
      sandbox.client,
      clusterConfigs,
      {},
      'ClusterConfig to be Ready',
      ([config]) => (isConditionTrue(config?.status?.conditions, 'Ready') ? true : undefined),
      end.signal,
    );
    const first = await Promise.race([ready, ended]);
    end.abort();
    if (changesRoot()) {
      const status = await readFile(`/proc/${operator.pid}/status`, 'utf8');
      expect(status).toMatch(/^Uid:\s+65532\s+65532\s+65532\s+65532$/m);
      expect(status).toMatch(/^CapEff:\s+0+$/m);
    }
    operator.kill('SIGTERM');
    await ended;
    expect(first).toBe(true);
    expect(await readdir(image.files, { recursive: true })).toEqual(before);
  } finally {
    await run('chmod', ['-R', 'u+w', image.files]);
    await sandbox.stop();
  }
});
