/** Files of the built page, read once at the start of the server. */
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { CliError } from '../framework/errors.ts';

export type Asset = { readonly body: Buffer; readonly headers: Readonly<Record<string, string>> };

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * @param folder contains index.html
 * @returns the assets by path, relative to the folder and with a leading slash
 * @throws CliError of code CONSOLE_MISSING in a build without the page
 */
export async function readAssets(folder: string): Promise<ReadonlyMap<string, Asset>> {
  const assets = new Map<string, Asset>();
  try {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const type = types[extname(entry.name)];
      if (!entry.isFile() || type === undefined) continue;
      const file = join(entry.parentPath, entry.name);
      const path = `/${relative(folder, file).replaceAll('\\', '/')}`;
      // Browsers must not cache the page. They can cache other files forever, because the names of these files contain
      // a digest of the content.
      const cache = path === '/index.html' ? 'no-store' : 'public, max-age=31536000, immutable';
      assets.set(path, {
        body: await readFile(file),
        headers: { 'content-type': type, 'cache-control': cache },
      });
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (!assets.has('/index.html'))
    throw new CliError('CONSOLE_MISSING', 'this build of kon contains no console', {
      details: [`There is no page in ${folder}.`],
      next: ['In a checkout, build the console: npm install && npm run build'],
    });
  return assets;
}
