/** Builds the documentation as a static site with search. `--out FOLDER` sets the folder (default: build/site). */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { navigation } from './site/navigation.ts';
import { renderSite } from './site/site.ts';

const root = resolve(import.meta.dirname, '..');
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'build/site') } } });
const out = resolve(values.out);
try {
  const files = await renderSite(root, navigation);
  // Deletes the pages of an earlier build. Does not delete a folder that is not a built site.
  if (existsSync(join(out, 'search-index.json'))) rmSync(out, { recursive: true });
  for (const [path, content] of files) {
    mkdirSync(dirname(join(out, path)), { recursive: true });
    writeFileSync(join(out, path), content);
  }
  console.log(`docs site: ${files.size} files in ${relative(process.cwd(), out)}`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
