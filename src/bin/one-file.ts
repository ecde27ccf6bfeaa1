/**
 * Extracts the data files that the single-file executable of `kon` contains. The build of the executable replaces
 * `import.meta.dirname` with `konFolder`. That is a folder in the user's cache, which is filled on first use
 * (scripts/build-executable.ts).
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getAsset } from 'node:sea';
import { cacheFolder } from './cache-folder.ts';
import { companionVerb } from './companion-verb.ts';

let folder: string | undefined;
Object.defineProperty(globalThis, 'konFolder', { get: () => (folder ??= unpack()) });

function unpack(): string {
  const list = getAsset('list.json', 'utf8');
  const base = dataFolder();
  const named = join(base, `data-${createHash('sha256').update(list).digest('hex').slice(0, 16)}`);
  if (existsSync(named)) return named;
  const made = mkdtempSync(join(base, 'unpacking-'));
  for (const { path } of JSON.parse(list) as readonly { readonly path: string }[]) {
    mkdirSync(dirname(join(made, path)), { recursive: true });
    writeFileSync(join(made, path), Buffer.from(getAsset(path)));
  }
  try {
    renameSync(made, named);
    return named;
  } catch {
    // If the folder exists now, another process has created it first.
    return existsSync(named) ? named : made;
  }
}

/**
 * Returns a folder that other users cannot write to: the user's cache folder or, if that cannot be created, a temporary
 * folder.
 */
function dataFolder(): string {
  const own = cacheFolder(process.env);
  if (own !== undefined) return own;
  const made = mkdtempSync(join(tmpdir(), 'konstellation-'));
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  return made;
}

if (process.argv[2] === companionVerb) {
  const [, name] = process.argv.splice(2, 2);
  void runCompanion(name ?? '');
} else void import('./kon.ts');

async function runCompanion(name: string): Promise<void> {
  const { loadSandbox } = await import('../cli/commands/sandbox/engine.ts');
  const { companions } = await loadSandbox();
  await companions[name as keyof typeof companions]();
}
