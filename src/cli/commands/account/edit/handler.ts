/** `kon account edit`: changes an account in the editor, from a file or from options. */
import type { CliContext } from '../../../framework/context.ts';
import { usageError } from '../../../framework/errors.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { consentToRemoval } from '../../../objects/consent.ts';
import { editFlow, type EditRequest } from '../../../objects/edit.ts';
import { unlinkNow } from '../../../objects/removed-targets.ts';
import type { LinkedServiceAccount } from '../../../../api/index.ts';
import { changedSpec, describesChange, switchNote, type AccountChange } from '../from-options.ts';

type EditOptions = AccountChange &
  EditRequest<LinkedServiceAccount>['write'] & {
    readonly filename: string | undefined;
    readonly now: boolean;
    readonly yes: boolean;
    readonly dryRun: boolean;
  };

export async function accountEditFlow(
  context: CliContext,
  { name, options }: { readonly name: string | undefined; readonly options: EditOptions },
): Promise<void> {
  if (options.now && options.target.length + options.removeTarget.length === 0)
    throw usageError('--now needs the target to remove', 'Name the target with --remove-target.');
  return editFlow(context, {
    kind: accountKind,
    name,
    filename: options.filename,
    change: describesChange(options)
      ? (current) => {
          const { identityMode } = options;
          if (identityMode !== undefined && identityMode !== current.spec.aws.identityMode)
            context.stderr.write(switchNote(identityMode));
          return changedSpec(current.spec, options);
        }
      : undefined,
    annotations: options.now
      ? (current) => unlinkNow(current, changedSpec(current.spec, options).targets)
      : undefined,
    consent: consentToRemoval(context, options),
    withoutEditor: [
      'Pass the policies with --policy, --add-policy or --remove-policy, or a manifest with -f FILE.',
    ],
    write: options,
  });
}
