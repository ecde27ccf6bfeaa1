/** Prompts for policies on a terminal, with a search by parts of their names. */
import { emitKeypressEvents, type Interface } from 'node:readline';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import type { OfferedPolicy } from './offered-policies.ts';
import { policyLabel, pressKey, renderPicker, startPicker, type Key, type PickerStep } from './picker.ts';

/**
 * An escape character that is not followed by another character within this time (in milliseconds) counts as the Escape key, not
 * as the start of an escape sequence.
 */
const escapeCodeTimeout = 50;

/** @returns the ARNs in the order of selection; empty if the user prefers an editor */
export async function pickPolicies(
  context: CliContext,
  account: string,
  policies: readonly OfferedPolicy[],
): Promise<readonly string[]> {
  const bytes = await context.bytes();
  const keyboard = bytes.keyboard();
  const { stderr, signal } = context;
  let height = 0;
  const draw = (lines: readonly string[]): void => {
    // Moves the cursor to the first line of the previous output, and erases everything from there.
    const clear = height > 0 ? `\u001B[${height}A\u001B[J` : '';
    stderr.write(`${clear}${lines.map((line) => `${line}\n`).join('')}`);
    height = lines.length;
  };
  const raw = (isRaw: boolean): void => {
    if ('setRawMode' in keyboard) (keyboard as NodeJS.ReadStream).setRawMode(isRaw);
    stderr.write(isRaw ? '\u001B[?25l' : '\u001B[?25h');
  };
  let state = startPicker(policies);
  const show = (): void =>
    draw(renderPicker(state, { account, columns: bytes.size().columns, color: stderr.color }));
  const ended = Promise.withResolvers<Exclude<PickerStep, { kind: 'pick' }>>();
  const onKey = (_text: string | undefined, key: Key): void => {
    const step = pressKey(state, key, policies);
    if (step.kind !== 'pick') return ended.resolve(step);
    ({ state } = step);
    show();
  };
  const onAbort = (): void => ended.resolve({ kind: 'cancelled' });
  // `emitKeypressEvents` reads only the timeout from its second argument. A real readline interface is not passed,
  // because it would also draw the input line.
  emitKeypressEvents(keyboard, { escapeCodeTimeout } as unknown as Interface);
  raw(true);
  keyboard.on('keypress', onKey).on('end', onAbort).resume();
  signal.addEventListener('abort', onAbort, { once: true });
  show();
  try {
    const outcome = await ended.promise;
    if (outcome.kind === 'cancelled') {
      draw([]);
      throw new CliError('INTERRUPTED', 'no policy was chosen; the account was not created');
    }
    draw(outcome.policies.length > 0 ? [`Policies: ${outcome.policies.map(policyLabel).join(', ')}`] : []);
    return outcome.policies.map(({ arn }) => arn);
  } finally {
    signal.removeEventListener('abort', onAbort);
    keyboard.off('keypress', onKey).off('end', onAbort).pause();
    raw(false);
  }
}
