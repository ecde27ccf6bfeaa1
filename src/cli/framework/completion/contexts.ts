/** Lists the contexts of the kubeconfig for completion. Skips files that cannot be read. */
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { parseYaml } from '../../../kube/simple-yaml.ts';
import type { CliContext } from '../context.ts';

export async function contextNames(
  env: CliContext['env'],
  kubeconfig: string | undefined,
): Promise<readonly string[]> {
  const listed = (kubeconfig ?? env['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean);
  const paths = listed.length > 0 ? listed : env['HOME'] ? [join(env['HOME'], '.kube', 'config')] : [];
  const names = await Promise.all(
    paths.map(async (path) => {
      const text = await readFile(path, 'utf8').catch(() => '');
      const { contexts } = ((await parseYaml(text)) ?? {}) as { contexts?: readonly { name?: unknown }[] };
      return (contexts ?? []).map(({ name }) => name).filter((name) => typeof name === 'string');
    }),
  );
  return [...new Set(names.flat())];
}
