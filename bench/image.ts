/** Node.js settings of the image, so that the benchmarks measure what runs in clusters. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export type ImageRuntime = {
  /** Command-line flags for Node.js. */
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

export async function readImageRuntime(): Promise<ImageRuntime> {
  const text = await readFile(join(import.meta.dirname, '../Dockerfile'), 'utf8');
  const entrypoint = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(text)?.[1] ?? '[]') as readonly string[];
  if (!entrypoint.at(-1)?.endsWith('kon.js')) throw new Error('the Dockerfile has another entrypoint');
  const settings = [...text.matchAll(/^ENV (.*)$/gm)].flatMap(([, pairs = '']) => pairs.split(' '));
  return {
    flags: entrypoint.slice(1, -1),
    env: Object.fromEntries(settings.map((pair) => pair.split('=', 2) as [string, string])),
  };
}
