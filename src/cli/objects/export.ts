/** Runs `export` for any kind: prints objects as manifests. */
import type { Kind, KonObject } from '../cluster/kinds.ts';
import { getObject, listObjects } from '../cluster/objects.ts';
import type { CliContext } from '../framework/context.ts';
import type { KubeClient } from '../../kube/index.ts';
import { writeObject, writeObjects } from '../framework/output/answer.ts';
import { presentable } from '../manifest/present.ts';

/**
 * @param names objects to print; if empty, all objects of the kind
 * @param rewriting returns a function that rewrites each spec for the manifest
 */
export async function exportFlow<T extends KonObject>(
  context: CliContext,
  kind: Kind<T>,
  names: readonly string[],
  rewriting: (client: KubeClient) => Promise<(spec: T['spec']) => T['spec']> = () =>
    Promise.resolve((spec) => spec),
): Promise<void> {
  const client = await context.connect();
  const objects =
    names.length === 0
      ? await listObjects(client, kind)
      : await Promise.all(names.map((name) => getObject(client, kind, name)));
  const rewrite = await rewriting(client);
  const manifests = objects.map((object) => ({ ...presentable(object), spec: rewrite(object.spec) }));
  const [only] = manifests;
  await (names.length === 1 && only ? writeObject(context, only) : writeObjects(context, manifests));
}
