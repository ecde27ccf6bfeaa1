/**
 * The single-file executable on a machine without Node.js, without a writable home directory, and without other files
 * of the product.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../../..');
let folder = '';
let kon: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kon-one-file-'));
  const outfile = join(folder, 'kon');
  await run(process.execPath, [join(root, 'scripts/build-executable.ts'), '--outfile', outfile]);
  kon = async (args, env = {}) => {
    const bare = { PATH: '/nowhere', HOME: folder, ...env };
    return (await run(outfile, args, { env: bare, cwd: '/', maxBuffer: 64 * 1024 * 1024 })).stdout;
  };
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it('the executable prints its version, and completes words', async () => {
  expect(await kon(['--version'])).toBe(`${manifest.version}\n`);
  expect(await kon(['__complete', '--', 'acc'])).toMatch(/^account\t/);
});

it('the executable reads its embedded data, even without a home directory', async () => {
  const arn = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
  expect(await kon(['policies', 'search', 'AmazonS3ReadOnlyAccess'])).toContain(arn);
  const [data = ''] = (await readdir(join(folder, '.cache/konstellation'))).filter((name) =>
    name.startsWith('data-'),
  );
  expect(await readdir(join(folder, '.cache/konstellation', data, 'modules'))).not.toEqual([]);
  expect(
    await kon(['policies', 'search', 'AmazonS3ReadOnlyAccess'], { HOME: '/dev/null', TMPDIR: folder }),
  ).toContain(arn);
});

it('the executable connects to an API server', async () => {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    const item = {
      metadata: { name: 'far', creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: { aws: { policyArns: [] } },
    };
    response.end(
      JSON.stringify({ metadata: {}, items: request.url?.includes('linkedserviceaccounts') ? [item] : [] }),
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    const { port } = server.address() as AddressInfo;
    const list = await kon(['account', 'list'], {
      KUBERNETES_SERVICE_HOST: '',
      KUBECONFIG: await kubeconfig(`http://127.0.0.1:${port}`),
    });
    expect(list).toContain('far\tUnknown\tNotObserved\t');
  } finally {
    server.close();
  }
});

it('the executable contains its bill of materials and the licence texts of all bundled packages', async () => {
  const bill = JSON.parse(await readFile(join(folder, 'kon.sbom.cdx.json'), 'utf8')) as {
    readonly metadata: { readonly component: object };
    readonly components: readonly { readonly name: string; readonly version: string }[];
  };
  expect(bill.metadata.component).toMatchObject({ name: manifest.name, version: manifest.version });
  const notices = (await readFile(join(folder, 'kon.THIRD-PARTY-NOTICES'), 'utf8')).split('\n');
  const packages = bill.components.map(({ name, version }) => `${name} ${version}`);
  expect(notices).toEqual(expect.arrayContaining(packages));
  expect(bill.components.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['@aws-sdk/client-iam', '@aws-sdk/client-s3', 'fast-xml-parser']),
  );
});

it('the executable also contains the helper programs, such as the editor of the tour', async () => {
  await expect(kon(['__program', 'tour-editor', '/nowhere', '/nowhere'])).rejects.toThrow('ENOENT');
  await expect(kon(['__program', 's3-probe', 'nonsense'])).rejects.toMatchObject({ code: 1 });
});

async function kubeconfig(server: string): Promise<string> {
  const path = join(folder, 'kubeconfig');
  await writeFile(
    path,
    `current-context: a\ncontexts:\n- name: a\n  context:\n    cluster: c\nclusters:\n- name: c\n  cluster:\n    server: ${server}\n`,
  );
  return path;
}
