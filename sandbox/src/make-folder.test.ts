import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolder, NoFolderError } from './make-folder.ts';

let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'kon-make-folder-'));
});
afterAll(() => rm(base, { recursive: true }));

test('a folder and its parents are created, even by two callers at the same time', async () => {
  const folder = join(base, 'a/b/c');
  await Promise.all([makeFolder(folder, 0o700), makeFolder(folder, 0o700)]);
  await makeFolder(folder);
  expect(await readdir(join(base, 'a/b'))).toEqual(['c']);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
});

test('a folder that cannot be created is reported', async () => {
  await writeFile(join(base, 'file'), '');
  await expect(makeFolder(join(base, 'file/x'))).rejects.toThrow(NoFolderError);
  // If a program creates a folder in `/proc`, Linux reports that the folder does not exist, not that access is denied.
  await expect(makeFolder('/proc/nobody/x')).rejects.toThrow(/cannot create folder "\/proc\/nobody":\n/);
});
