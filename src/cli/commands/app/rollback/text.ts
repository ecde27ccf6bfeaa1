/** Describes the changes of a rollback. */
import type { App } from '../../../../api/app.ts';
import type { RollbackPlan } from './plan.ts';
import type { RevisionChange } from '../revisions.ts';

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
