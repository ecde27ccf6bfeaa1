/**
 * Modules that a short command loads, according to the compile cache of Node.js. Unlike a measurement of time, which
 * depends on the machine's load, this test reliably detects a library that was added to the startup path.
 * bench/scenarios/command-line.ts measures the time.
 */
import { mkdir, readdir, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { prepareKon, type Kon } from './kon.ts';

let kon: Kon;
let server: Server;
const asked: string[] = [];

beforeAll(async () => {
  kon = await prepareKon();
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ metadata: {}, items: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  server?.close();
  await kon?.remove();
});

/** Returns the files and the number of bytes of compiled code after one run with an empty cache. */
async function loadedBy(
  name: string,
  args: readonly string[],
): Promise<{ readonly files: number; readonly bytes: number }> {
  const { port } = server.address() as AddressInfo;
  const home = join(kon.folder, name);
  await mkdir(home);
  const kubeconfig = await kon.file(
    'kubeconfig',
    `current-context: a\ncontexts:\n- name: a\n  context:\n    cluster: c\nclusters:\n- name: c\n  cluster:\n    server: http://127.0.0.1:${port}\n`,
  );
  const result = await kon.run(args, {
    // The default timeout of completion can expire before a busy machine has started the program, so the test sets a
    // longer timeout.
    env: { HOME: home, KUBECONFIG: kubeconfig, KON_COMPLETION_TIMEOUT: '30s' },
  });
  expect(result).toMatchObject({ code: 0, stderr: '' });
  const found = await readdir(join(home, '.cache/konstellation/compiled'), {
    recursive: true,
    withFileTypes: true,
  });
  const files = found.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  );
  return { files: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

it('kon account list loads little code, and makes one request', async () => {
  const { files, bytes } = await loadedBy('list', ['account', 'list']);
  expect(asked.splice(0)).toEqual(['GET /apis/k11n.dev/v1alpha1/linkedserviceaccounts?limit=500']);
  expect(bytes).toBeLessThan(150_000);
  expect(files).toBeLessThan(40);
});

it('completion of names loads little code, and makes one request', async () => {
  const { bytes } = await loadedBy('names', ['__complete', '--', 'account', 'show', '']);
  expect(asked.splice(0)).toHaveLength(1);
  expect(bytes).toBeLessThan(150_000);
});

it('kon --help loads no code of the commands', async () => {
  const { bytes } = await loadedBy('help', ['--help']);
  expect(bytes).toBeLessThan(80_000);
});

it('a home directory that is not writable makes no command hang', async () => {
  // If a program creates a folder in /proc, Linux reports ENOENT, and the recursive mkdir of Node.js then never ends.
  const running = kon.start(['policies', 'search', 'AmazonS3ReadOnlyAccess'], { env: { HOME: '/proc' } });
  expect((await running.finished).code).toBe(0);
  const refused = await kon.run(['sandbox', 'up'], { env: { HOME: '/proc' } });
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('Error: cannot create folder "/proc/.local"\n');
  expect(refused.stderr).toContain('KON_SANDBOX_DIR');
});
