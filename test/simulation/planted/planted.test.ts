/**
 * The harness proves itself: bugs that controllers are known to have are put into a copy of the operator's sources, one at a
 * time, and each has to be caught. A patch that no longer applies is a failure too: then the bug has to be planted anew.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { plantedBugs, type PlantedBug } from './bugs.ts';
import type { Catch } from './hunt.ts';

const root = resolve(import.meta.dirname, '../../..');
let copy: string;
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'konstellation-planted-'));
  for (const part of ['src', 'test/simulation', 'package.json'])
    await cp(join(root, part), join(copy, part), { recursive: true });
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rm(copy, { recursive: true, force: true }));

async function hunt(bug: PlantedBug): Promise<Catch> {
  const originals = new Map<string, string>();
  try {
    for (const { file, find, replace } of bug.patches) {
      const path = join(copy, 'src', file);
      const text = await readFile(path, 'utf8');
      if (!originals.has(path)) originals.set(path, text);
      const occurrences = text.split(find).length - 1;
      expect(occurrences, `the patch of "${bug.name}" has to apply once to src/${file}`).toBe(1);
      await writeFile(
        path,
        text.replace(find, () => replace),
      );
    }
    const program = join(import.meta.dirname, 'hunt.ts');
    const env = { ...process.env, NODE_COMPILE_CACHE: join(copy, '.compile-cache') };
    const { stdout } = await promisify(execFile)(process.execPath, [program, bug.name, copy], { env });
    return JSON.parse(stdout) as Catch;
  } finally {
    for (const [path, text] of originals) await writeFile(path, text);
  }
}

it.each(plantedBugs)('catches: $name', { timeout: 120_000 }, async (bug) => {
  const found = await hunt(bug);
  expect(found.violations, `nothing showed in ${found.tried} plans`).toContainEqual(
    expect.objectContaining({ oracle: bug.caughtBy }),
  );
  expect(found.without, `${found.plan} does not hold without the bug either`).toEqual([]);
});

it('knows bugs of every sort', () => {
  const names = new Set(plantedBugs.map(({ name }) => name));
  expect(names.size).toBe(plantedBugs.length);
  expect(plantedBugs.length).toBeGreaterThanOrEqual(25);
});
