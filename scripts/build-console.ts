/** Builds the page of the web console. The builds of the bundle and of the single-file executable call it. */
import { join, relative } from 'node:path';
import { build } from 'vite';

/** @returns the source files that the page contains, relative to `root` */
export async function buildConsole(root: string, outDir: string): Promise<readonly string[]> {
  const folder = join(root, 'console');
  const result = await build({
    configFile: join(folder, 'vite.config.ts'),
    // With NODE_ENV=test in the environment, the page would otherwise contain the development build of React.
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
