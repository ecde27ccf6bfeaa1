/**
 * All of `kon` in one executable with Node.js in it, see scripts/build-executable.ts. There is no folder beside it in which
 * code could find its data: what `import.meta.dirname` has become there, `konFolder`, is a folder in the user's cache,
 * filled when it is first asked for.
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
    // Another one was faster.
    return existsSync(named) ? named : made;
  }
}

/** The user's own, as nobody else may put there what we would read; where there is none, one for this run alone. */
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
