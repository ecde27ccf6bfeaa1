/**
 * Finds the running pods in targets that an edit removes. These pods keep their access until they end, or lose it
 * immediately if the annotation `unlink-now` names their target. Pure.
 */
import type { App } from '../../api/app.ts';
import type { LinkedServiceAccount, TargetStatus } from '../../api/linked-service-account.ts';
import { unlinkNowAnnotation } from '../../api/labels.ts';
import { defaultMaxSessionDuration } from '../../identity/desired/role.ts';
import { longestSessionMs } from '../../identity/plan/sessions.ts';
import { formatAge } from '../framework/duration.ts';
import { counted } from './deletion-notes.ts';
import { runningPods } from './target-use.ts';
import type { Manifest } from '../manifest/present.ts';

export type RemovedTargets = {
  /** Consequences of the removal that the user need not confirm, one line each. */
  readonly notes: readonly string[];
  /** One line for each target with running pods that lose their access immediately. */
  readonly cutOff: readonly string[];
};

/** @param next the account in the form that is about to be saved */
export function removedTargets(
  { metadata: { name }, spec, status }: LinkedServiceAccount,
  next: Pick<Manifest, 'metadata' | 'spec'>,
): RemovedTargets {
  const now = targetsToUnlinkNow(next.metadata.annotations);
  const notes: string[] = [];
  const cutOff: string[] = [];
  const rows = linkedBesides(status, (next.spec as LinkedServiceAccount['spec']).targets);
  for (const { name: target, pods, identityMode } of rows) {
    const running = runningPods({ pods });
    const sessions = `AWS sessions of pods in this target may stay valid for up to ${formatAge(longestSessionMs({ maxSessionSeconds: spec.aws.maxSessionDuration ?? defaultMaxSessionDuration, identityMode }))}`;
    if (running === 0) notes.push(`${target}: the target is unlinked from account "${name}"; ${sessions}`);
    else if (now.has(target))
      cutOff.push(
        `${target}: ${counted(running, 'running pod')} of "${name}" can get no new credentials from now on; ${sessions}`,
      );
    else
      notes.push(
        `${target}: ${counted(running, 'running pod')} of "${name}" ${running === 1 ? 'keeps its' : 'keep their'} AWS permissions until ${running === 1 ? 'it ends' : 'they end'}; to remove these permissions immediately: --now`,
      );
  }
  return { notes, cutOff };
}

/**
 * Returns the annotation that makes pods in removed targets lose their access immediately. Keeps the targets that the
 * annotation already names.
 */
export function unlinkNow(
  { metadata, status }: LinkedServiceAccount,
  wanted: readonly string[] | undefined,
): Readonly<Record<string, string>> {
  const removed = linkedBesides(status, wanted).map(({ name }) => name);
  if (removed.length === 0) return {};
  const named = new Set([...targetsToUnlinkNow(metadata.annotations), ...removed]);
  return { [unlinkNowAnnotation]: [...named].join(',') };
}

/** Returns one line for each target that an edit removes from an app and in which pods run. These pods will be deleted. */
export function removedAppTargets(
  { metadata, status }: App,
  next: Pick<Manifest, 'spec'>,
): readonly string[] {
  const kept = new Set((next.spec as App['spec']).targets.map(({ name }) => name));
  return (status?.targets ?? [])
    .filter(({ name, replicas = 0 }) => !kept.has(name) && replicas > 0)
    .map(
      ({ name, replicas = 0 }) =>
        `${name}: ${counted(replicas, 'running pod')} of "${metadata.name}" will be deleted`,
    );
}

/** Returns the linked targets that are not in `wanted`. If `wanted` is undefined, all targets are wanted. */
function linkedBesides(
  status: LinkedServiceAccount['status'],
  wanted: readonly string[] | undefined,
): readonly TargetStatus[] {
  return (status?.targets ?? []).filter(({ name, linked }) => linked && wanted?.includes(name) === false);
}

function targetsToUnlinkNow(annotations: Readonly<Record<string, string>> = {}): ReadonlySet<string> {
  const named = (annotations[unlinkNowAnnotation] ?? '').split(',').map((name) => name.trim());
  return new Set(named.filter((name) => name !== ''));
}
