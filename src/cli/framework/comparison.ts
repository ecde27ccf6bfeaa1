/** Commands that answer a question with their exit code: 0 yes, 1 no. A failure to find out is neither. */
import type { CliContext } from './context.ts';
import { CliError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';
import { explain } from './explain.ts';

export async function answering<T>(context: CliContext, question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    if (context.signal.aborted) throw error;
    const explained = explain(error);
    if (explained.exitCode !== exitCodes.error) throw explained;
    const { code, message, details, next, cause } = explained;
    throw new CliError(code, message, { details, next, cause, exitCode: exitCodes.notCompared });
  }
}
