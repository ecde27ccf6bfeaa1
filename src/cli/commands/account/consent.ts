/** Prints how an edit that removes targets affects the pods running there, and asks for consent before the edit cuts off their access. */
import { unlinkNowAnnotation } from '../../../api/labels.ts';
import type { LinkedServiceAccount } from '../../../api/linked-service-account.ts';
import type { Consent } from '../../cluster/objects.ts';
import { confirm } from '../../framework/confirm.ts';
import type { CliContext } from '../../framework/context.ts';
import { removedTargets } from '../../objects/removed-targets.ts';

export function consentToRemoval(
  context: CliContext,
  { yes, dryRun }: { readonly yes: boolean; readonly dryRun: boolean },
): Consent<LinkedServiceAccount> {
  let said = '';
  return async (current, next) => {
    const { notes, cutOff } = removedTargets(current, next);
    const text = [...notes, ...cutOff].map((line) => `‼ ${line}\n`).join('');
    // A write that is repeated after a conflict asks again only if the text has changed.
    if (text === said) return;
    said = text;
    context.stderr.write(text);
    if (cutOff.length === 0) return;
    context.stderr.write(
      `‼ the annotation ${unlinkNowAnnotation} also applies the next time that these targets are removed; to remove it later: kubectl annotate lsa ${current.metadata.name} ${unlinkNowAnnotation}-\n`,
    );
    await confirm(context, {
      yes: yes || dryRun,
      what: 'removing the permissions of running pods at once',
      question: 'Remove their permissions at once?',
      declined: 'Nothing was saved.',
    });
  };
}
