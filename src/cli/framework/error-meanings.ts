/**
 * Meaning and next steps of each error code, for docs/errors.md, `kon explain`, and errors without their own steps.
 * Loaded only to report or explain an error.
 */

type Entry = {
  readonly meaning: string;
  /** Next steps that apply to every error with the code, best first. */
  readonly next: readonly string[];
};

const login = 'Log in (aws sso login, aws configure), or choose a profile: AWS_PROFILE=NAME';
const awsEnvironment = 'Check AWS_ENDPOINT_URL, HTTPS_PROXY and AWS_CA_BUNDLE: kon doctor';
const otherContext = ['List contexts: kubectl config get-contexts', 'Choose a context with --context NAME.'];
const reinstall = 'Install a released version of kon, or build kon from the sources: npm run build';

export const errorMeanings = {
  USAGE: {
    meaning: 'The command line is wrong. Nothing was attempted.',
    next: ['Show the arguments and options of the command: kon COMMAND --help'],
  },
  CONFIRMATION_NEEDED: {
    meaning:
      'The command is destructive, and cannot ask for confirmation without a terminal. The option `--yes` is missing.',
    next: ['See what the command would do: add --dry-run if the command has this option. Then pass --yes.'],
  },
  UNAUTHENTICATED: {
    meaning:
      'The cluster rejected the credentials, or the credential plugin of the kubeconfig returned no credentials.',
    next: ['Log in again, or choose another context with --context NAME.'],
  },
  FORBIDDEN: {
    meaning: 'The cluster denied the request for lack of permissions.',
    next: [
      'Ask an administrator of the cluster for the permission that the message names.',
      'Show your permissions: kubectl auth can-i --list',
    ],
  },
  KUBECONFIG_MISSING: {
    meaning: 'No kubeconfig was found.',
    next: [
      'Choose a kubeconfig with --kubeconfig FILE or $KUBECONFIG.',
      'For EKS: aws eks update-kubeconfig --name CLUSTER --region REGION',
      'To try Konstellation on this machine: kon sandbox up',
    ],
  },
  KUBECONFIG_INVALID: {
    meaning: 'The kubeconfig cannot be read or parsed.',
    next: ['Correct the file, or choose another file with --kubeconfig FILE.'],
  },
  CONTEXT_UNKNOWN: {
    meaning: 'The kubeconfig does not contain the requested context, or no context is chosen.',
    next: otherContext,
  },
  CLUSTER_UNREACHABLE: {
    meaning: 'The API server does not answer.',
    next: [
      'Check that the cluster is running and that this machine can reach it (VPN, proxy, security group).',
      'Choose another cluster with --context NAME, or start a local cluster: kon sandbox up',
    ],
  },
  CLUSTER_UNTRUSTED: {
    meaning: 'The API server’s certificate is not trusted.',
    next: [
      'Compare certificate-authority-data in the kubeconfig with the cluster’s CA, and check for a proxy in between.',
    ],
  },
  NOT_INSTALLED: {
    meaning: 'Konstellation’s CRDs are not installed on this cluster.',
    next: [
      'Install Konstellation: kon install',
      'Or install only the CRDs and run the operator here: kon crds | kubectl apply --server-side --force-conflicts -f -; kon operator',
      'If this is the wrong cluster, choose another cluster with --context NAME.',
    ],
  },
  NOT_FOUND: {
    meaning: 'The object does not exist.',
    next: ['Compare the name with the list: kon account list, kon app list, kon target list'],
  },
  ALREADY_EXISTS: {
    meaning: 'The object already exists.',
    next: ['Change the existing object instead (kon account edit, kon app edit), or choose another name.'],
  },
  INVALID: {
    meaning: 'The object is invalid according to the schema or the API server.',
    next: ['Correct the fields that the message names; their meaning: kubectl explain lsa.spec'],
  },
  MANIFEST_UNREADABLE: {
    meaning: 'A file cannot be read, or is not YAML or JSON.',
    next: ['Correct the file at the line that the message names.'],
  },
  CONFLICT: {
    meaning:
      'The object was changed concurrently, another manager owns one of its fields, or something still uses it.',
    next: ['Repeat the command.'],
  },
  EDITOR_FAILED: {
    meaning:
      'The editor could not be started, or ended with an error. Your text stays in the file that the message names.',
    next: [
      'Choose another editor: EDITOR=PROGRAM. Or apply the file that the message names: kon apply -f FILE',
    ],
  },
  EDIT_CANCELLED: {
    meaning: 'The editor was closed without a valid change, so nothing was saved.',
    next: ['Repeat the command, and save a change in the editor.'],
  },
  NOT_READY: {
    meaning: 'The object was saved but is not Ready; the message gives the reason.',
    next: ['Explain the reason: kon explain REASON', 'Show what is not ready: kon status'],
  },
  NOT_DELETED: {
    meaning: 'Something blocks the requested deletion of the object.',
    next: ['Follow the advice of the message. The deletion continues in the cluster without the command.'],
  },
  API_ERROR: {
    meaning: 'The API server answered with an error for which kon has no code.',
    next: ['Repeat the command; if the error persists, check the API server.'],
  },
  EXEC_FAILED: {
    meaning: 'A program could not be run in a pod, or the connection was closed before the program ended.',
    next: ['Check that the pod runs and that its image contains the program: kon app pods NAME'],
  },
  PORT_UNAVAILABLE: {
    meaning: 'A local port is in use, or listening on it is not permitted.',
    next: ['Choose another local port, or 0 for any free port.'],
  },
  CLUSTER_NOT_READY: {
    meaning:
      'The cluster lacks a prerequisite: a ready ClusterConfig, an issuer, the Pod Identity agent, or a working pod identity webhook.',
    next: ['Find what is missing: kon doctor'],
  },
  AWS_UNAUTHENTICATED: {
    meaning: 'There are no AWS credentials, or AWS rejected them.',
    next: [login, 'For the sandbox: eval "$(kon sandbox env)"'],
  },
  AWS_WRONG_ACCOUNT: {
    meaning: 'The AWS credentials belong to another AWS account than the cluster’s.',
    next: [login],
  },
  AWS_DENIED: {
    meaning: 'AWS denied the request for lack of permissions.',
    next: ['Ask for the permission that the message names, or choose another profile: AWS_PROFILE=NAME'],
  },
  AWS_UNREACHABLE: {
    meaning: 'AWS, or the emulator in its place, does not answer.',
    next: [awsEnvironment],
  },
  AWS_ERROR: {
    meaning: 'AWS refused a call; the message contains the error of AWS.',
    next: ['Repeat the command; if the error persists, look up the error of AWS that the message contains.'],
  },
  SANDBOX_FAILED: {
    meaning: 'The sandbox, or a part of it, could not be started, reached or used.',
    next: ['Read the logs of the sandbox: kon sandbox logs', 'Start over: kon sandbox down; kon sandbox up'],
  },
  SANDBOX_MISSING: {
    meaning: "This build of kon contains no sandbox, for example the operator's image.",
    next: [reinstall],
  },
  CONSOLE_MISSING: {
    meaning: 'This build of kon contains no web console.',
    next: [reinstall],
  },
  SANDBOX_NOT_RUNNING: {
    meaning: 'No sandbox runs in the selected folder (`--state-dir`).',
    next: ['Start a sandbox: kon sandbox up'],
  },
  INTERRUPTED: {
    meaning: 'Ended by Ctrl-C or SIGTERM.',
    next: ['Saved changes continue to take effect. To follow them: kon status'],
  },
  LEASE_LOST: {
    meaning:
      'The operator could not renew its Lease in time, because the API server did not answer or another operator took over.',
    next: [
      'Kubernetes restarts the operator. If the error recurs, check the API server and who holds the Lease: kon status',
    ],
  },
  INTERNAL: {
    meaning: 'A fault of `kon` itself. Please report it.',
    next: ['Run the command again with -v and report the output.'],
  },
} as const satisfies Readonly<Record<string, Entry>>;

export type ErrorCode = keyof typeof errorMeanings;
