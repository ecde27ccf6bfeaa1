/** What a rollback changes, in words. */
import type { App } from '../../../api/app.ts';
import type { RollbackPlan } from './rollback-plan.ts';
import type { RevisionChange } from './revisions.ts';

const others: Readonly<Record<RevisionChange, string>> = {
  image: 'image',
  identity: 'AWS identity',
  restart: 'restart',
  template: 'other fields of its pods',
};

export function rollbackText(app: App, { revisions, image, changes, leftOut }: RollbackPlan): string {
  const which = revisions.map(({ target, number }) => `${number} in ${target}`).join(', ');
  const { name } = app.metadata;
  const targets = app.spec.targets.map((target) => target.name).join(', ');
  const lines =
    changes.length === 0
      ? [`${name} has the image of revision ${which} already: ${image}`]
      : [
          `${name} goes back to the image of revision ${which}, in ${targets}:`,
          ...changes.map(({ field, from, to }) => `  spec.${field}: ${from ?? '(none)'} → ${to ?? '(none)'}`),
        ];
  if (leftOut.length > 0)
    lines.push(
      `That revision differs in ${leftOut.map((change) => others[change]).join(' and ')} too, which stays as it is now.`,
    );
  return `${lines.join('\n')}\n`;
}
