/**
 * The error family of `kon`. Each error has a stable code, a message that says what happened,
 * and what to do next. docs/errors.md is generated from the table below.
 */
import { exitCodes, type ExitCode } from './exit-codes.ts';

/** The meaning of each code, behind its exit code where that is not 1. */
const definitions = {
  USAGE: [exitCodes.usage, 'The command line is wrong. Nothing was tried.'],
  CONFIRMATION_NEEDED: [
    exitCodes.usage,
    'The command destroys something and there is no terminal to ask on; `--yes` is missing.',
  ],
  UNAUTHENTICATED: [
    exitCodes.authentication,
    'The cluster does not accept the credentials, or the kubeconfig’s plugin gave none.',
  ],
  FORBIDDEN: 'The cluster knows who asks, and does not allow it.',
  KUBECONFIG_MISSING: 'There is no kubeconfig at the places looked at.',
  KUBECONFIG_INVALID: 'The kubeconfig cannot be read or understood.',
  CONTEXT_UNKNOWN: 'The kubeconfig has no such context, or none is chosen.',
  CLUSTER_UNREACHABLE: 'Nobody answers at the API server’s address.',
  CLUSTER_UNTRUSTED: 'What answers at the API server’s address has no certificate of the expected authority.',
  NOT_INSTALLED: 'Konstellation’s CRDs are not on this cluster.',
  NOT_FOUND: 'There is no object of that name.',
  ALREADY_EXISTS: 'There is an object of that name already.',
  INVALID: 'The object is not valid, by the schema or by the API server.',
  MANIFEST_UNREADABLE: 'A file cannot be read, or is not YAML or JSON.',
  CONFLICT:
    'Someone else changed the object meanwhile, owns a field that would be set, or still needs what would go.',
  EDITOR_FAILED:
    'The editor could not be started or ended with an error. The text is kept in the file that is named.',
  EDIT_CANCELLED: 'The editor was left without a text that could be saved, so that nothing was written.',
  NOT_READY: 'It was written, but is not Ready; the message says what is in the way.',
  NOT_DELETED: 'Deletion was asked for, and something still holds the object.',
  API_ERROR: 'The API server answered with an error that has no code of its own.',
  EXEC_FAILED: 'A program could not be run in a pod, or the way to it ended before the program did.',
  PORT_UNAVAILABLE: 'A port of this machine is in use, or may not be listened on.',
  CLUSTER_NOT_READY:
    'The cluster lacks what has to be there first: a ClusterConfig that is ready, an issuer, the Pod Identity agent, or a webhook that gives pods their identity.',
  AWS_UNAUTHENTICATED: [
    exitCodes.authentication,
    'There are no AWS credentials, or AWS does not accept them.',
  ],
  AWS_WRONG_ACCOUNT: [
    exitCodes.authentication,
    'The AWS credentials belong to another AWS account than the cluster’s.',
  ],
  AWS_DENIED: 'AWS knows who asks, and does not allow it.',
  AWS_UNREACHABLE: 'AWS, or what stands in for it, does not answer.',
  AWS_ERROR: 'AWS refused a call; the message has its words.',
  SANDBOX_FAILED: 'The sandbox, or a part of it, could not be started, reached or used.',
  SANDBOX_MISSING: 'This build of kon has no sandbox, as in the image of the operator.',
  SANDBOX_NOT_RUNNING: 'No sandbox runs in the folder that was looked at.',
  INTERRUPTED: [exitCodes.interrupted, 'Ended by Ctrl-C or SIGTERM.'],
  LEASE_LOST:
    'The operator could not renew its Lease in time, because the API server did not answer or another operator took over.',
  INTERNAL: 'A fault of `kon` itself. Please report it.',
} as const satisfies Readonly<Record<string, string | readonly [ExitCode, meaning: string]>>;

export type ErrorCode = keyof typeof definitions;

export const errorCodes = Object.fromEntries(
  Object.entries(definitions).map(([code, definition]) => {
    const [exit, meaning] = typeof definition === 'string' ? [exitCodes.error, definition] : definition;
    return [code, { exit, meaning }];
  }),
) as Readonly<Record<ErrorCode, { readonly exit: ExitCode; readonly meaning: string }>>;

export class CliError extends Error {
  readonly code: ErrorCode;
  /** Lines that say why: one problem each. */
  readonly details: readonly string[];
  /** Next steps, best first, each a sentence or a command. */
  readonly next: readonly string[];
  readonly exitCode: ExitCode;

  /** @param message what happened, one line without full stop */
  constructor(
    code: ErrorCode,
    message: string,
    options: {
      details?: readonly string[];
      next?: readonly string[];
      cause?: unknown;
      /** In place of the code's own. */
      exitCode?: ExitCode;
    } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.name = 'CliError';
    this.code = code;
    this.details = options.details ?? [];
    this.next = options.next ?? [];
    this.exitCode = options.exitCode ?? errorCodes[code].exit;
  }
}

export function usageError(message: string, ...next: readonly string[]): CliError {
  return new CliError('USAGE', message, { next });
}
