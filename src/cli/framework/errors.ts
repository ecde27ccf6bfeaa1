/**
 * The one family of errors that `kon` tells its user. Each has a code (contract), a message that says what happened,
 * and what to do next. docs/errors.md is generated from the table below.
 */
import { exitCodes, type ExitCode } from './exit-codes.ts';

type ErrorDefinition = { readonly exit: ExitCode; readonly meaning: string };

export const errorCodes = {
  USAGE: { exit: exitCodes.usage, meaning: 'The command line is wrong. Nothing was tried.' },
  CONFIRMATION_NEEDED: {
    exit: exitCodes.usage,
    meaning: 'The command destroys something and there is no terminal to ask on; `--yes` is missing.',
  },
  UNAUTHENTICATED: {
    exit: exitCodes.authentication,
    meaning: 'The cluster does not accept the credentials, or the kubeconfig’s plugin gave none.',
  },
  FORBIDDEN: { exit: exitCodes.error, meaning: 'The cluster knows who asks, and does not allow it.' },
  KUBECONFIG_MISSING: { exit: exitCodes.error, meaning: 'There is no kubeconfig at the places looked at.' },
  KUBECONFIG_INVALID: { exit: exitCodes.error, meaning: 'The kubeconfig cannot be read or understood.' },
  CONTEXT_UNKNOWN: {
    exit: exitCodes.error,
    meaning: 'The kubeconfig has no such context, or none is chosen.',
  },
  CLUSTER_UNREACHABLE: { exit: exitCodes.error, meaning: 'Nobody answers at the API server’s address.' },
  CLUSTER_UNTRUSTED: {
    exit: exitCodes.error,
    meaning: 'What answers at the API server’s address has no certificate of the expected authority.',
  },
  NOT_INSTALLED: { exit: exitCodes.error, meaning: 'Konstellation’s CRDs are not on this cluster.' },
  NOT_FOUND: { exit: exitCodes.error, meaning: 'There is no object of that name.' },
  ALREADY_EXISTS: { exit: exitCodes.error, meaning: 'There is an object of that name already.' },
  INVALID: { exit: exitCodes.error, meaning: 'The object is not valid, by the schema or by the API server.' },
  MANIFEST_UNREADABLE: { exit: exitCodes.error, meaning: 'A file cannot be read, or is not YAML or JSON.' },
  CONFLICT: {
    exit: exitCodes.error,
    meaning:
      'Someone else changed the object meanwhile, owns a field that would be set, or still needs what would go.',
  },
  EDITOR_FAILED: {
    exit: exitCodes.error,
    meaning:
      'The editor could not be started or ended with an error. The text is kept in the file that is named.',
  },
  EDIT_CANCELLED: {
    exit: exitCodes.error,
    meaning: 'The editor was left without a text that could be saved, so that nothing was written.',
  },
  NOT_READY: {
    exit: exitCodes.error,
    meaning: 'It was written, but is not Ready; the message says what is in the way.',
  },
  NOT_DELETED: {
    exit: exitCodes.error,
    meaning: 'Deletion was asked for, and something still holds the object.',
  },
  API_ERROR: {
    exit: exitCodes.error,
    meaning: 'The API server answered with an error that has no code of its own.',
  },
  EXEC_FAILED: {
    exit: exitCodes.error,
    meaning: 'A program could not be run in a pod, or the way to it ended before the program did.',
  },
  PORT_UNAVAILABLE: {
    exit: exitCodes.error,
    meaning: 'A port of this machine is in use, or may not be listened on.',
  },
  CLUSTER_NOT_READY: {
    exit: exitCodes.error,
    meaning:
      'The cluster lacks what has to be there first: a ClusterConfig that is ready, an issuer, the Pod Identity agent, or a webhook that gives pods their identity.',
  },
  AWS_UNAUTHENTICATED: {
    exit: exitCodes.authentication,
    meaning: 'There are no AWS credentials, or AWS does not accept them.',
  },
  AWS_WRONG_ACCOUNT: {
    exit: exitCodes.authentication,
    meaning: 'The AWS credentials belong to another AWS account than the cluster’s.',
  },
  AWS_DENIED: { exit: exitCodes.error, meaning: 'AWS knows who asks, and does not allow it.' },
  AWS_UNREACHABLE: { exit: exitCodes.error, meaning: 'AWS, or what stands in for it, does not answer.' },
  AWS_ERROR: { exit: exitCodes.error, meaning: 'AWS refused a call; the message has its words.' },
  SANDBOX_FAILED: {
    exit: exitCodes.error,
    meaning: 'The sandbox, or a part of it, could not be started, reached or used.',
  },
  SANDBOX_MISSING: {
    exit: exitCodes.error,
    meaning: 'This build of kon has no sandbox, as in the image of the operator.',
  },
  SANDBOX_NOT_RUNNING: {
    exit: exitCodes.error,
    meaning: 'No sandbox runs in the folder that was looked at.',
  },
  INTERRUPTED: { exit: exitCodes.interrupted, meaning: 'Ended by Ctrl-C or SIGTERM.' },
  LEASE_LOST: {
    exit: exitCodes.error,
    meaning:
      'The operator could not renew its Lease in time, because the API server did not answer or another operator took over.',
  },
  INTERNAL: { exit: exitCodes.error, meaning: 'A fault of `kon` itself. Please report it.' },
} as const satisfies Readonly<Record<string, ErrorDefinition>>;

export type ErrorCode = keyof typeof errorCodes;

export class CliError extends Error {
  readonly code: ErrorCode;
  /** Lines that say why: one problem each. */
  readonly details: readonly string[];
  /** What to do, best first, each a sentence or a command. */
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
