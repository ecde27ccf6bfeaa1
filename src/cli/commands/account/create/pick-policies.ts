/** Prompts for policies on a terminal, with a search by parts of their names. */
import { autocompleteMultiselect, isCancel } from '@clack/prompts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import type { OfferedPolicy } from './offered-policies.ts';
import { searchPolicies } from '../../../aws/policy-search.ts';

const shownPolicies = 10;

/** @returns the ARNs in the order of selection; empty if the user selects no policy */
export async function pickPolicies(
  context: CliContext,
  account: string,
  policies: readonly OfferedPolicy[],
): Promise<readonly string[]> {
  const { keyboard, screen } = (await context.bytes()).prompt();
  let last:
    | { readonly text: string; readonly options: { value: string; label: string; hint: string }[] }
    | undefined;
  const chosen = await autocompleteMultiselect<string>({
    message: `Policies of account "${account}" (none: open an editor)`,
    // The function runs at every key press and sorts the best matches first; the built-in filter would keep the original order.
    options() {
      const text = this.userInput ?? '';
      if (last?.text === text) return last.options;
      // Resets the focus to the best match. Otherwise it would stay on the same option as long as that option matches.
      this.focusedValue = undefined;
      const options = searchPolicies(text, policies).map(({ name, arn, origin }) => ({
        value: arn,
        label: origin === 'aws' ? name : `${name} (your own)`,
        hint: arn,
      }));
      last = { text, options };
      return options;
    },
    filter: () => true,
    maxItems: shownPolicies,
    input: keyboard,
    output: screen,
    signal: context.signal,
  });
  if (isCancel(chosen))
    throw new CliError('INTERRUPTED', 'no policy was chosen; the account was not created');
  return chosen;
}
