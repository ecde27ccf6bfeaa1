/** Asks for confirmation before a command destroys or builds something. */
import type { CliContext } from './context.ts';
import { isOnTerminal } from './edit/editor.ts';
import { CliError } from './errors.ts';

type Confirmation = {
  /** Whether the user has confirmed in advance. */
  readonly yes: boolean;
  /** Action to confirm, worded so that a sentence can begin with it as its subject. */
  readonly what: string;
};

/** Signals that the user answered no. The command prints the message of this error and exits with code 1. */
export class Declined extends Error {}

/** @throws CliError of code CONFIRMATION_NEEDED if `confirm` will not be able to ask */
export function requireConfirmation(context: CliContext, { yes, what }: Confirmation): void {
  if (yes || isOnTerminal(context)) return;
  throw new CliError('CONFIRMATION_NEEDED', `${what} requires confirmation, but stdin is not a terminal`, {
    next: ['Pass --yes to confirm.'],
  });
}

/**
 * @throws Declined
 * @throws CliError of code CONFIRMATION_NEEDED if the question cannot be asked
 */
export async function confirm(
  context: CliContext,
  of: Confirmation & { readonly question: string; readonly declined: string },
): Promise<void> {
  if (of.yes) return;
  requireConfirmation(context, of);
  context.stderr.write(`${of.question} [y/N] `);
  const answer = await context.stdin.readLine();
  if (!/^y(es)?$/i.test(answer?.trim() ?? '')) throw new Declined(of.declined);
}
