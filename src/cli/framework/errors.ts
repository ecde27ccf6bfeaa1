/**
 * Errors of `kon`. Each error has a stable code, a message and next steps. `error-meanings.ts` has the meaning of each
 * code.
 */
import type { ErrorCode } from './error-meanings.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';

/** Exit codes of the error codes whose exit code is not 1. */
const exits: Partial<Record<ErrorCode, ExitCode>> = {
  USAGE: exitCodes.usage,
  CONFIRMATION_NEEDED: exitCodes.usage,
  UNAUTHENTICATED: exitCodes.authentication,
  AWS_UNAUTHENTICATED: exitCodes.authentication,
  AWS_WRONG_ACCOUNT: exitCodes.authentication,
  INTERRUPTED: exitCodes.interrupted,
};

export function exitCodeOf(code: ErrorCode): ExitCode {
  return exits[code] ?? exitCodes.error;
}

export class CliError extends Error {
  readonly code: ErrorCode;
  /** Causes, one problem per line. */
  readonly details: readonly string[];
  /** Next steps, best first, each a sentence or a command. */
  readonly next: readonly string[];
  readonly exitCode: ExitCode;
  /**
   * Status reason that caused the error. `kon explain` gives a more precise explanation for this reason than for the
   * error code.
   */
  readonly reason: string | undefined;

  /** @param message the failure in one line, without full stop */
  constructor(
    code: ErrorCode,
    message: string,
    options: {
      details?: readonly string[];
      next?: readonly string[];
      reason?: string | undefined;
      cause?: unknown;
      /** Exit code, if it differs from the exit code that belongs to `code`. */
      exitCode?: ExitCode;
    } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.name = 'CliError';
    this.code = code;
    this.details = options.details ?? [];
    this.next = options.next ?? [];
    this.reason = options.reason;
    this.exitCode = options.exitCode ?? exitCodeOf(code);
  }
}

export function usageError(message: string, ...next: readonly string[]): CliError {
  return new CliError('USAGE', message, { next });
}
