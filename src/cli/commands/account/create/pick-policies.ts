/** Choosing policies on a terminal, from what is offered, by what a person remembers of their names. */
import { autocompleteMultiselect, isCancel } from '@clack/prompts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import type { OfferedPolicy } from './offered-policies.ts';
import { searchPolicies } from '../../../aws/policy-search.ts';

const shownPolicies = 10;

/** @returns the ARNs in the order in which they were chosen; none when a person goes on without a choice */
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
    // A function, called at every key press, so that the best matches come first; the built-in filter keeps the order.
    options() {
      const text = this.userInput ?? '';
      if (last?.text === text) return last.options;
      // Otherwise the focus would stay on the same option while it matches at all, however far down.
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
