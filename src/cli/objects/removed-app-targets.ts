/** Lists the running pods in targets that an edit removes from an app. Pure. */
import type { App } from '../../api/app.ts';
import type { Manifest } from '../manifest/manifest.ts';

/** @returns one line for each removed target with running pods; these pods will be deleted */
export function removedAppTargets(
  { metadata, status }: App,
  next: Pick<Manifest, 'spec'>,
): readonly string[] {
  const kept = new Set((next.spec as App['spec']).targets.map(({ name }) => name));
  return (status?.targets ?? [])
    .filter(({ name, replicas = 0 }) => !kept.has(name) && replicas > 0)
    .map(
      ({ name, replicas }) =>
        `${name}: ${replicas === 1 ? '1 running pod' : `${replicas} running pods`} of "${metadata.name}" will be deleted`,
    );
}
