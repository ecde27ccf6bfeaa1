import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHomeFolder } from './home-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kon-home-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("a program's home folder contains everything in the user's home except .aws, and removing the folder keeps the originals", async () => {
  const home = join(folder, 'person');
  await mkdir(join(home, '.aws', 'cli', 'cache'), { recursive: true });
  await mkdir(join(home, '.local'));
  await writeFile(join(home, '.local', 'tool'), 'a tool');
  await writeFile(join(home, '.profile'), '');
  const path = join(folder, 'pod');
  await createHomeFolder(path, home);
  expect((await readdir(path)).toSorted()).toEqual(['.local', '.profile']);
  expect(await readFile(join(path, '.local', 'tool'), 'utf8')).toBe('a tool');
  await rm(path, { recursive: true });
  expect(await readFile(join(home, '.local', 'tool'), 'utf8')).toBe('a tool');
});

test.each([undefined, '/nonexistent'])(
  'a program gets an empty home folder if the user has no home folder (%s)',
  async (home) => {
    const path = join(folder, 'pod');
    await createHomeFolder(path, home);
    expect(await readdir(path)).toEqual([]);
  },
);
