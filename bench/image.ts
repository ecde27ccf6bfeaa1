/** Reads the Node.js settings of the image and the chart, so that benchmarks run the operator as in a cluster. */
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
  if (!entrypoint.at(-1)?.endsWith('kon.js'))
    throw new Error('the entrypoint in the Dockerfile does not end with kon.js');
  const values = await readFile(join(import.meta.dirname, '../charts/konstellation/values.yaml'), 'utf8');
  const limit = Number(/limits: \{ memory: (\d+)Mi \}/.exec(values)?.[1]);
  if (!(limit > 0))
    throw new Error("the chart's values.yaml does not state the memory limit in the expected form");
  const settings = [...text.matchAll(/^ENV (.*)$/gm)].flatMap(([, pairs = '']) => pairs.split(' '));
  return {
    // Sets the heap limit that V8 would derive from the container's memory limit. Without this flag, V8 would derive a
    // larger limit from the memory of this machine, and the heap would grow further between collections.
    flags: [...entrypoint.slice(1, -1), `--max-old-space-size=${limit / 2}`],
    env: Object.fromEntries(settings.map((pair) => pair.split('=', 2) as [string, string])),
  };
}
