/**
 * Tests of the image that need no container engine: the files that the Dockerfile copies exist, and the programs in the
 * image start with only these files, on a read-only file system.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { imageSettings } from '../../../scripts/image/settings.ts';
import { clusterConfigs, type ClusterConfig } from '../../../src/api/index.ts';
import { isConditionTrue } from '../../../src/k8s/conditions.ts';
import { awaitObjects } from '../../../sandbox/src/tour/await-object.ts';
import { findHelm } from '../../support/helm.ts';
import { startSandbox } from '../../support/sandbox.ts';

const root = resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);

let folder: string;
let image: string;
/** Paths of the source files in the image's bundle, from the root of the repository. */
let inputs: readonly string[];
let instructions: readonly (readonly [string, string])[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kon-image-'));
  const text = (await readFile(join(root, 'Dockerfile'), 'utf8'))
    .replaceAll(/^#.*$/gm, '')
    .replaceAll('\\\n', ' ');
  instructions = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [name = '', ...rest] = line.trim().split(/\s+/);
      return [name, rest.join(' ')] as const;
    });
  image = join(folder, 'app');
  await mkdir(image);
  const [build = ''] = of('RUN').filter((rest) => rest.startsWith('node scripts/build.ts'));
  expect(build).toMatch(/ --outdir \/app$/);
  const metafile = join(folder, 'meta.json');
  const options = build.split(' ').slice(2, -2);
  await run(process.execPath, [
    join(root, 'scripts/build.ts'),
    ...options,
    `--outdir=${image}`,
    `--metafile=${metafile}`,
  ]);
  inputs = Object.keys((JSON.parse(await readFile(metafile, 'utf8')) as { inputs: object }).inputs);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const of = (name: string): readonly string[] =>
  instructions.filter(([is]) => is === name).map(([, rest]) => rest);
const copied = (): readonly string[] =>
  of('COPY')
    .filter((rest) => !rest.startsWith('--from='))
    .flatMap((rest) => rest.split(' ').slice(0, -1));

it('the Dockerfile copies only files that exist and that .dockerignore does not exclude', async () => {
  const letThrough = (await readFile(join(root, '.dockerignore'), 'utf8'))
    .split('\n')
    .filter((line) => line.startsWith('!'));
  expect(copied().length).toBeGreaterThan(0);
  for (const path of copied()) {
    expect(existsSync(join(root, path)), path).toBe(true);
    const [top = ''] = path.replace(/^\.\//, '').split('/');
    expect(letThrough).toContain(`!${top}`);
  }
});

it('the image is built from the packages of the lock file, on base images that can be pinned by digest', async () => {
  const [install = ''] = of('RUN');
  expect(install).toBe('npm install --no-save --no-progress && node scripts/check-installed.ts');
  expect(of('FROM')).toEqual(['${BUILD_IMAGE} AS build', '${RUN_IMAGE}']);
  for (const name of ['BUILD_IMAGE', 'RUN_IMAGE'])
    expect(of('ARG').find((rest) => rest.startsWith(`${name}=`))).toMatch(/=[a-z0-9./-]+:[a-z0-9-]+$/);

  const project = join(folder, 'project');
  await mkdir(join(project, 'node_modules'), { recursive: true });
  await mkdir(join(project, 'scripts'));
  const check = 'scripts/check-installed.ts';
  await copyFile(join(root, check), join(project, check));
  const outcome = async (installed: object): Promise<string> => {
    const lock = { packages: { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } } };
    await writeFile(join(project, 'package-lock.json'), JSON.stringify(lock));
    await writeFile(
      join(project, 'node_modules/.package-lock.json'),
      JSON.stringify({ packages: installed }),
    );
    return run(process.execPath, [join(project, check)]).then(
      ({ stdout }) => stdout,
      (error: { stderr: string }) => error.stderr,
    );
  };
  expect(await outcome({ 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } })).toContain(
    'all with the version and hash in',
  );
  expect(await outcome({ 'node_modules/a': { version: '1.0.0', integrity: 'sha512-b' } })).toContain(
    'has 1.0.0',
  );
  expect(await outcome({ 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } })).toContain(
    'has 1.0.0',
  );
  expect(await outcome({ 'node_modules/b': { version: '1.0.0', integrity: 'sha512-b' } })).toContain(
    'not in',
  );
});

it('the image that Docker builds has the same settings as the image that is built without Docker', () => {
  const json = (name: string): unknown => JSON.parse(of(name)[0] ?? '');
  expect({
    WorkingDir: of('WORKDIR').at(-1),
    User: of('USER')[0],
    Env: of('ENV').flatMap((rest) => rest.split(' ')),
    Entrypoint: json('ENTRYPOINT'),
    Cmd: json('CMD'),
  }).toEqual(imageSettings);
});

it('the image runs as the numeric non-root user that the chart sets', async () => {
  const helm = await findHelm();
  const deployment = (await helm.template()).find(({ kind }) => kind === 'Deployment');
  await helm.remove();
  expect(of('USER')).toEqual(['65532:65532']);
  expect(deployment?.spec).toMatchObject({
    template: { spec: { securityContext: { runAsUser: 65_532, runAsGroup: 65_532 } } },
  });
});

it('the entrypoint of the image starts with only the files that the image copies, and writes no file', async () => {
  const entrypoint = JSON.parse(of('ENTRYPOINT')[0] ?? '[]') as readonly string[];
  expect(entrypoint[0]).toBe('/nodejs/bin/node');
  const command = [...entrypoint.slice(1, -1), join(folder, entrypoint.at(-1) ?? '')];
  await chmod(image, 0o555);
  const env = { HOME: '/nonexistent' };
  const { stdout } = await run(process.execPath, [...command, '--version'], { cwd: '/', env });
  expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  const help = await run(process.execPath, [...command, 'operator', '--help'], { cwd: '/', env });
  for (const option of ['--health-address', '--lease-namespace', '--log-format'])
    expect(help.stdout).toContain(option);
  await chmod(image, 0o755);
});

it('the image contains no sandbox, no AWS emulator and no package that only these two need', async () => {
  expect(inputs.length).toBeGreaterThan(500);
  expect(inputs.filter((path) => path.startsWith('sandbox/'))).toEqual([]);
  expect(existsSync(join(image, 'modules'))).toBe(false);
  for (const name of ['@aws-sdk/client-s3', 'fast-xml-parser'])
    expect(
      inputs.filter((path) => path.includes(`node_modules/${name}/`)),
      name,
    ).toEqual([]);
  for (const args of [['status'], ['aws'], ['tour'], ['exec', 'a', '--', 'b']])
    await expect(run(process.execPath, [join(image, 'kon.js'), 'sandbox', ...args])).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Error: this build has no sandbox\n') as string,
    });
});

it('the operator runs from the image until its ClusterConfig is Ready, and writes nothing into the folder of the image', async () => {
  const sandbox = await startSandbox({ operator: false });
  try {
    const before = await readdir(image, { recursive: true });
    await chmod(image, 0o555);
    const operator = spawn(
      process.execPath,
      [join(image, 'kon.js'), 'operator', '--health-address=127.0.0.1:0', '--log-format=json'],
      { cwd: '/', env: { ...sandbox.env, HOME: '/nonexistent' }, stdio: 'inherit' },
    );
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
    operator.kill('SIGTERM');
    await ended;
    expect(first).toBe(true);
    expect(await readdir(image, { recursive: true })).toEqual(before);
  } finally {
    await chmod(image, 0o755);
    await sandbox.stop();
  }
});

it('the image has a bill of materials that lists exactly the bundled packages', async () => {
  const read = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, 'utf8')) as unknown;
  type Bill = { components: { name: string; version: string; purl: string; licenses?: unknown }[] };
  const { components } = (await read(join(image, 'sbom.cdx.json'))) as Bill;
  const names = new Set(components.map(({ name }) => name));
  // Users who install the package get only the bundle, without dependencies.
  expect(await read(join(root, 'package.json'))).not.toHaveProperty('dependencies');
  const bundled = ['@aws-sdk/client-iam', '@kubernetes/client-node', 'pino', 'yaml', 'zod'];
  expect([...names]).toEqual(expect.arrayContaining(bundled));
  expect(names).not.toContain('vitest');
  const folders = inputs.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  expect(names).toEqual(new Set(folders));
  for (const { name, version, purl, licenses } of components) {
    expect(purl).toBe(`pkg:npm/${name.replace('@', '%40')}@${version}`);
    expect(licenses, name).toBeDefined();
  }
  const copies = instructions.filter(([is, rest]) => is === 'COPY' && rest.startsWith('--from=build /app'));
  expect(copies).toHaveLength(1);
});

it('the image has the copyright and licence texts of all bundled packages', async () => {
  const notices = await readFile(join(image, 'THIRD-PARTY-NOTICES'), 'utf8');
  const lines = new Set(notices.split('\n'));
  const { components } = JSON.parse(await readFile(join(image, 'sbom.cdx.json'), 'utf8')) as {
    components: { name: string; version: string }[];
  };
  expect(components.length).toBeGreaterThan(50);
  for (const { name, version } of components) {
    expect(lines, name).toContain(`${name} ${version}`);
    for (const file of ['LICENSE', 'LICENSE.md', 'license', 'LICENCE', 'NOTICE']) {
      const path = join(root, 'node_modules', name, file);
      const manifest = join(root, 'node_modules', name, 'package.json');
      const isThis =
        existsSync(path) && (await readFile(manifest, 'utf8')).includes(`"version": "${version}"`);
      if (isThis) expect(notices, path).toContain((await readFile(path, 'utf8')).trim());
    }
  }
});
