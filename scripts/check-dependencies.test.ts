import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kon-licences-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function check(
  locked: Record<string, string | undefined>,
  bundled: Record<string, string>,
): Promise<string> {
  const lock = join(folder, 'lock.json');
  const bill = join(folder, 'bill.json');
  const packages = Object.entries(locked).map(([path, license]) => [path, { version: '1.0.0', license }]);
  const components = Object.entries(bundled).map(([name, expression]) => ({
    name,
    version: '1.0.0',
    licenses: [{ expression }],
  }));
  await writeFile(lock, JSON.stringify({ packages: Object.fromEntries(packages) as object }));
  await writeFile(bill, JSON.stringify({ components }));
  const script = join(import.meta.dirname, 'check-dependencies.ts');
  const result = promisify(execFile)(process.execPath, [script, `--lock=${lock}`, `--bill=${bill}`]);
  return result.then(
    ({ stdout }) => stdout,
    (error: unknown) => (error as { readonly stderr: string }).stderr,
  );
}

it('the licence check counts the packages whose licences are allowed', async () => {
  const locked = {
    '': 'Other',
    'node_modules/a': 'MIT',
    'node_modules/a/node_modules/@b/c': '(Other OR MIT)',
  };
  expect(await check(locked, { a: 'MIT' })).toBe(
    'dependencies: 1 in the bundle, 2 in package-lock.json, each with an allowed licence\n',
  );
});

it('the licence check names each package that has another licence or no licence', async () => {
  const locked = {
    'node_modules/a': 'GPL-3.0',
    'node_modules/a/node_modules/@b/c': undefined,
    'node_modules/d': 'MIT AND Other',
  };
  const output = await check(locked, {});
  expect(output).toContain('a 1.0.0: the licence GPL-3.0 is not allowed here\n');
  expect(output).toContain('@b/c 1.0.0: states no licence\n');
  expect(output).toContain('d 1.0.0: the licence MIT AND Other is not allowed here\n');
});

it('the licence check allows some licences only for packages outside the bundle', async () => {
  expect(await check({ 'node_modules/a': 'MPL-2.0' }, {})).toContain('1 in package-lock.json');
  expect(await check({ 'node_modules/a': 'MPL-2.0' }, { a: 'MPL-2.0' })).toContain(
    'a 1.0.0 in the bundle: the licence MPL-2.0 is not allowed here\n',
  );
});
