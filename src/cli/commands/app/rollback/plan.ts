/** Which image `kon app rollback` goes back to. Pure: the revisions are read by the caller. */
import type { App, AppSpec } from '../../../../api/app.ts';
import { CliError } from '../../../framework/errors.ts';
import { imageOf } from '../columns.ts';
import { changesBetween, type Revision, type RevisionChange } from '../revisions.ts';
import { imageChanges, withImage, type FieldChange } from './spec-image.ts';

export type RollbackPlan = {
  readonly revisions: readonly Revision[];
  readonly image: string;
  readonly spec: AppSpec;
  readonly changes: readonly FieldChange[];
  /** Other differences between those revisions and the current deployment, which are not rolled back. */
  readonly leftOut: readonly RevisionChange[];
};

/**
 * Revisions are counted in each target apart, while the image is the whole app's: all targets that have a say must
 * lead to the same image.
 *
 * @param revisions of the targets that were chosen, newest first within each
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
      next: [`Choose a target's revision: kon app rollback ${name} --target ${found[0]?.target}`, history],
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

/** The newest before the deployed one, with another image than the app wants now. */
function isEarlierImage(app: App, own: readonly Revision[], revision: Revision): boolean {
  const current = own.find((each) => each.current);
  const isEarlier = current === undefined || revision.number < current.number;
  // A deployed revision of another image than is wanted is one that a new roll-out is about to leave.
  return (isEarlier || current?.image !== imageOf(app)) && revision.image !== imageOf(app);
}
