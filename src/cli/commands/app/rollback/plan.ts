/** Determines the image that `kon app rollback` restores, and the fields of the spec that change. Pure. */
import type { App, AppSpec } from '../../../../api/app.ts';
import { CliError } from '../../../framework/errors.ts';
import { imageOf } from '../columns.ts';
import { splitTag } from '../from-options.ts';
import { changesBetween, type Revision, type RevisionChange } from '../revisions.ts';

type FieldChange = {
  readonly field: 'registry' | 'image' | 'imageTag';
  readonly from: string | undefined;
  readonly to: string | undefined;
};

export type RollbackPlan = {
  readonly revisions: readonly Revision[];
  readonly image: string;
  readonly spec: AppSpec;
  readonly changes: readonly FieldChange[];
  /**
   * Differences between the selected and the deployed revisions, other than the image. The rollback does not change
   * these parts.
   */
  readonly leftOut: readonly RevisionChange[];
};

/**
 * Selects a revision in each target. Revisions are numbered per target, but all targets share one image, so the selected revisions
 * must have the same image.
 *
 * @param revisions revisions of the selected targets, newest first within each target
 * @throws CliError of code NOT_FOUND or INVALID
 */
export function planRollback(app: App, revisions: readonly Revision[], to: number | undefined): RollbackPlan {
  const { name } = app.metadata;
  const history = `List revisions: kon app history ${name}`;
  const targets = [...new Set(revisions.map((revision) => revision.target))];
  const found = targets.flatMap((target) => {
    const own = revisions.filter((revision) => revision.target === target);
    return (
      own.find((revision) =>
        to === undefined ? isEarlierImage(app, own, revision) : revision.number === to,
      ) ?? []
    );
  });
  if (found.length === 0)
    throw new CliError(
      'NOT_FOUND',
      to === undefined ? `app "${name}" has no earlier image` : `app "${name}" has no revision ${to}`,
      { next: [history] },
    );
  const images = new Set(found.map((revision) => revision.image));
  if (images.size > 1)
    throw new CliError('INVALID', `targets of app "${name}" would go back to different images`, {
      details: found.map(({ target, number, image }) => `${target}: revision ${number} has ${image}`),
      next: [
        `Choose the target whose revision all targets go back to: kon app rollback ${name} --target ${found[0]?.target}`,
        history,
      ],
    });
  const image = found[0]?.image ?? '';
  const spec = withImage(app.spec, image);
  const leftOut = found.flatMap((revision) => {
    const current = revisions.find(({ target, current }) => target === revision.target && current);
    return current ? changesBetween(current.replicaSet, revision.replicaSet) : [];
  });
  return {
    revisions: found,
    image,
    spec,
    changes: imageChanges(app.spec, spec),
    leftOut: [...new Set(leftOut)].filter((change) => change !== 'image' && change !== 'restart'),
  };
}

/** Whether a revision is older than the deployed revision, and has another image than the app's spec. */
function isEarlierImage(app: App, own: readonly Revision[], revision: Revision): boolean {
  const current = own.find((each) => each.current);
  const isEarlier = current === undefined || revision.number < current.number;
  // The deployed revision also counts as earlier if its image differs from the image in the spec, because a new rollout
  // is about to replace that revision.
  return (isEarlier || current?.image !== imageOf(app)) && revision.image !== imageOf(app);
}

/**
 * Returns the spec with the given image, split into registry, image and tag. Changes as few of these fields as possible:
 * only the tag if that is enough.
 */
export function withImage(spec: AppSpec, image: string): AppSpec {
  const { registry, imageTag: _imageTag, ...rest } = spec;
  const prefix = registry ? `${registry.replace(/\/$/, '')}/` : '';
  const isWithin = image.startsWith(prefix) && image.length > prefix.length;
  const path = isWithin ? image.slice(prefix.length) : image;
  const kept = isWithin && registry !== undefined ? { ...rest, registry } : rest;
  const { name, tag } = splitTag(path);
  // A tag that was part of `spec.image` stays part of it.
  const isWhole =
    tag === undefined || spec.image === path || (spec.imageTag === undefined && hasTag(spec.image));
  return isWhole ? { ...kept, image: path } : { ...kept, image: name, imageTag: tag };
}

const hasTag = (path: string): boolean => splitTag(path).tag !== undefined;

export function imageChanges(before: AppSpec, after: AppSpec): readonly FieldChange[] {
  return (['registry', 'image', 'imageTag'] as const)
    .map((field) => ({ field, from: before[field], to: after[field] }))
    .filter(({ from, to }) => from !== to);
}

const others: Readonly<Record<RevisionChange, string>> = {
  image: 'image',
  identity: 'AWS identity',
  configs: 'configs',
  restart: 'restart',
  template: 'other fields of the pod template',
};

export function rollbackText(app: App, { revisions, image, changes, leftOut }: RollbackPlan): string {
  const which = revisions.map(({ target, number }) => `revision ${number} of ${target}`).join(', ');
  const { name } = app.metadata;
  const { length } = app.spec.targets;
  const targets = length === 1 ? app.spec.targets[0]?.name : `all its ${length} targets`;
  const lines =
    changes.length === 0
      ? [`app ${name} already has the image ${image} (${which})`]
      : [
          `App ${name} goes back to the image ${image} (${which}), in ${targets}:`,
          ...changes.map(({ field, from, to }) => `  spec.${field}: ${from ?? '(none)'} → ${to ?? '(none)'}`),
        ];
  if (leftOut.length > 0)
    lines.push(
      `That revision also differs in ${leftOut.map((change) => others[change]).join(' and ')}, which stays unchanged.`,
    );
  return `${lines.join('\n')}\n`;
}
