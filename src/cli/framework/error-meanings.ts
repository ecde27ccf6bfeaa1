/** Meaning of each error code, for docs/errors.md and `kon explain`. Commands that report errors do not load the texts. */

export const errorMeanings = {
  USAGE: 'The command line is wrong. Nothing was attempted.',
  CONFIRMATION_NEEDED: 'The command is destructive and cannot ask without a terminal; `--yes` is missing.',
  UNAUTHENTICATED: 'The cluster rejected the credentials, or the kubeconfig’s plugin returned none.',
  FORBIDDEN: 'The cluster denied the request for lack of permissions.',
  KUBECONFIG_MISSING: 'No kubeconfig was found.',
  KUBECONFIG_INVALID: 'The kubeconfig cannot be read or parsed.',
  CONTEXT_UNKNOWN: 'The kubeconfig has no such context, or none is chosen.',
  CLUSTER_UNREACHABLE: 'The API server does not answer.',
  CLUSTER_UNTRUSTED: 'The API server’s certificate is not trusted.',
  NOT_INSTALLED: 'Konstellation’s CRDs are not installed on this cluster.',
  NOT_FOUND: 'The object does not exist.',
  ALREADY_EXISTS: 'The object already exists.',
  INVALID: 'The object is invalid according to the schema or the API server.',
  MANIFEST_UNREADABLE: 'A file cannot be read, or is not YAML or JSON.',
  CONFLICT:
    'The object was changed concurrently, another manager owns one of its fields, or something still uses it.',
  EDITOR_FAILED: 'The editor could not be started or ended with an error. The named file keeps the text.',
  EDIT_CANCELLED: 'The editor was closed without a valid change, so nothing was saved.',
  NOT_READY: 'The object was saved but is not Ready; the message gives the reason.',
  NOT_DELETED: 'Deletion was requested, but something holds up the object.',
  API_ERROR: 'The API server answered with an error that has no code of its own.',
  EXEC_FAILED: 'A program could not be run in a pod, or the connection ended before the program.',
  PORT_UNAVAILABLE: 'A local port is in use, or listening on it is not permitted.',
  CLUSTER_NOT_READY:
    'The cluster lacks a prerequisite: a ready ClusterConfig, an issuer, the Pod Identity agent, or a working pod identity webhook.',
  AWS_UNAUTHENTICATED: 'There are no AWS credentials, or AWS rejected them.',
  AWS_WRONG_ACCOUNT: 'The AWS credentials belong to another AWS account than the cluster’s.',
  AWS_DENIED: 'AWS denied the request for lack of permissions.',
  AWS_UNREACHABLE: 'AWS, or the emulator in its place, does not answer.',
  AWS_ERROR: 'AWS refused a call; the message contains its error.',
  SANDBOX_FAILED: 'The sandbox, or a part of it, could not be started, reached or used.',
  SANDBOX_MISSING: "This build of kon contains no sandbox, for example the operator's image.",
  CONSOLE_MISSING: 'This build of kon contains no web console.',
  SANDBOX_NOT_RUNNING: 'No sandbox runs in that folder.',
  INTERRUPTED: 'Ended by Ctrl-C or SIGTERM.',
  LEASE_LOST:
    'The operator could not renew its Lease in time, because the API server did not answer or another operator took over.',
  INTERNAL: 'A fault of `kon` itself. Please report it.',
} as const;

export type ErrorCode = keyof typeof errorMeanings;
