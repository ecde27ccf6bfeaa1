import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { extractMember } from './archive.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kon-archive-'));
  mkdirSync(join(folder, 'kubernetes/server/bin'), { recursive: true });
  writeFileSync(join(folder, 'kubernetes/server/bin/kube-scheduler'), 'the scheduler');
  writeFileSync(join(folder, 'kubernetes/server/bin/not-kube-scheduler'), 'another');
  execFileSync('tar', ['-czf', join(folder, 'release.tar.gz'), '-C', folder, 'kubernetes']);
  rmSync(join(folder, 'kubernetes'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a program is extracted from any folder of an archive', async () => {
  const path = await extractMember(join(folder, 'release.tar.gz'), 'kube-scheduler', folder);
  expect(readFileSync(path, 'utf8')).toBe('the scheduler');
});

test('a program that the archive does not contain is reported', async () => {
  await expect(extractMember(join(folder, 'release.tar.gz'), 'scheduler', folder)).rejects.toThrow(
    /does not contain scheduler/,
  );
});
