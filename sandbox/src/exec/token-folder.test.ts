import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTokenFolder } from './token-folder.ts';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'kon-token-folder-'));
});
afterEach(() => rmSync(parent, { recursive: true }));

const ended = (): number => spawnSync(process.execPath, ['-e', '']).pid;

test('a token folder is private and can be removed', async () => {
  const { path, remove } = await createTokenFolder(parent);
  writeFileSync(join(path, 'token'), 'x');
  remove();
  expect(readdirSync(parent)).toEqual([]);
});

test('the next process removes the folders of killed processes and keeps the folders of running processes', async () => {
  const living = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)']);
  await once(living, 'spawn');
  const names = [`kon-exec-${living.pid}-aaaaaa`, 'kon-exec-notes', 'other'];
  for (const name of [...names, `kon-exec-${ended()}-bbbbbb`]) {
    mkdirSync(join(parent, name));
    writeFileSync(join(parent, name, 'token'), 'x');
  }
  const { path, remove } = await createTokenFolder(parent);
  expect(readdirSync(parent).map((name) => join(parent, name))).toEqual(
    expect.arrayContaining([path, ...names.map((name) => join(parent, name))]),
  );
  expect(readdirSync(parent)).toHaveLength(4);
  remove();
  living.kill();
  await once(living, 'exit');
});

test('a token folder is removed even if the process exits immediately', async () => {
  const script = `
    import { createTokenFolder } from ${JSON.stringify(join(import.meta.dirname, 'token-folder.ts'))};
    const { path } = await createTokenFolder(${JSON.stringify(parent)});
    console.log(path);
    process.exit(3);`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(child.status, child.stderr).toBe(3);
  const path = child.stdout.trim();
  expect(path).toContain(parent);
  expect(existsSync(path)).toBe(false);
});
