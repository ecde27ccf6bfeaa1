/**
 * Test of the simulation itself: typical bugs of controllers are planted in a copy of the operator's sources, one at a
 * time, and each must be caught.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { plantedBugs } from './bugs/index.ts';
import type { Catch } from './catch-bug.ts';
import { plant, type PlantedBug } from './planted-bug.ts';

const root = resolve(import.meta.dirname, '../../..');
let copy: string;
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'konstellation-planted-'));
  for (const part of ['src', 'sandbox/src', 'test/simulation', 'package.json'])
    await cp(join(root, part), join(copy, part), { recursive: true });
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rm(copy, { recursive: true, force: true }));

async function catchBug(bug: PlantedBug): Promise<Catch> {
  const takeOut = await plant(bug, root, copy);
  try {
    const program = join(import.meta.dirname, 'catch-bug.ts');
    const env = { ...process.env, NODE_COMPILE_CACHE: join(copy, '.compile-cache') };
    const { stdout } = await promisify(execFile)(process.execPath, [program, bug.name, copy], { env });
    return JSON.parse(stdout) as Catch;
  } finally {
    await takeOut();
  }
}

it.each(plantedBugs)('catches: $name', { timeout: 120_000 }, async (bug) => {
  const found = await catchBug(bug);
  expect(found.violations, `nothing showed in ${found.tried} plans`).toContainEqual(
    expect.objectContaining({ oracle: bug.caughtBy }),
  );
  expect(found.without, `${found.plan} does not hold without the bug either`).toEqual([]);
});

it('there are at least 25 planted bugs with distinct names', () => {
  const names = new Set(plantedBugs.map(({ name }) => name));
  expect(names.size).toBe(plantedBugs.length);
  expect(plantedBugs.length).toBeGreaterThanOrEqual(25);
});

it('planting a bug fails if no file exports the function to wrap, and the error names this function', async () => {
  const wrappers = [{ wraps: function isNowhere() {}, wrap: () => () => undefined }];
  const bug: PlantedBug = { name: 'x', story: '', wrappers, scenario: '', caughtBy: 'orphan' };
  await expect(plant(bug, root, copy)).rejects.toThrow('exports the function "isNowhere"');
});
