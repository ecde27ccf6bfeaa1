/** The question before something is destroyed or built. */
import type { CliContext } from './context.ts';
import { isOnTerminal } from './edit/editor.ts';
import { CliError } from './errors.ts';

type Confirmation = {
  /** Confirmed beforehand. */
  readonly yes: boolean;
  /** What has to be confirmed, as the subject of a sentence. */
  readonly what: string;
};

/** @throws CliError of code CONFIRMATION_NEEDED when it could not be asked later on */
export function requireConfirmation(context: CliContext, { yes, what }: Confirmation): void {
  if (yes || isOnTerminal(context)) return;
  throw new CliError('CONFIRMATION_NEEDED', `${what} has to be confirmed, and this is no terminal`, {
    next: ['Confirm it beforehand with --yes.'],
  });
}

/** @throws CliError of code CONFIRMATION_NEEDED when it cannot be asked */
export async function confirmed(
  context: CliContext,
  of: Confirmation & { readonly question: string },
): Promise<boolean> {
  if (of.yes) return true;
  requireConfirmation(context, of);
  context.stderr.write(`${of.question} [y/N] `);
  const answer = await context.stdin.readLine();
  return /^y(es)?$/i.test(answer?.trim() ?? '');
}
