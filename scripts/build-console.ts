/** Builds the page of the web console, for the bundle and for the single-file executable. */
import { join, relative } from 'node:path';
import { build } from 'vite';

/** @returns the source files that the page contains, relative to `root` */
export async function buildConsole(root: string, outDir: string): Promise<readonly string[]> {
  const folder = join(root, 'console');
  const result = await build({
    configFile: join(folder, 'vite.config.ts'),
    // Selects the production build of React, even if the environment contains NODE_ENV=test.
    mode: 'production',
    build: { outDir },
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((each) =>
    'output' in each ? each.output : [],
  );
  return outputs.flatMap((chunk) =>
    chunk.type === 'chunk'
      ? chunk.moduleIds
          .filter((id) => !id.startsWith('\0'))
          .map((id) => relative(root, id.split('?')[0] ?? id))
      : [],
  );
}
