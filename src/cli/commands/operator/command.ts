import { wholeNumber } from '../../framework/options.ts';
import { defineCommand } from '../../framework/command.ts';
import { usageError } from '../../framework/errors.ts';

const logLevels = ['debug', 'info', 'warn', 'error'];
const logFormats = ['json', 'text'];

export const operatorCommand = defineCommand({
  description:
    'Keeps IAM and the cluster in sync with accounts and apps until it is stopped. Connects to the cluster of the kubeconfig, or to the cluster that it runs in. Configure AWS with the variables of every AWS SDK, such as AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_ROLE_ARN and AWS_ENDPOINT_URL.',
  options: {
    'health-address': {
      value: 'HOST:PORT',
      parse: parseAddress,
      summary: 'address for /healthz, /readyz and /metrics (default: not served)',
    },
    concurrency: {
      value: 'N',
      parse: wholeNumber('a number of workers', 1, 999),
      summary:
        'number of accounts that are reconciled concurrently; the same limit applies separately to apps',
    },
    'lease-namespace': {
      value: 'NAMESPACE',
      summary:
        'namespace of the leader election Lease (default: the namespace that the operator runs in, or kube-system)',
    },
    'lease-duration': {
      value: 'SECONDS',
      parse: parseLeaseDuration,
      summary: 'seconds after the last renewal until another operator takes over (default: 15)',
    },
    'require-admission': {
      summary:
        'like an installed operator, reconcile nothing before the API server enforces the admission policies',
    },
    'without-lease': {
      summary: 'run without leader election; safe only if no other operator works on this cluster',
    },
    'log-level': { value: 'LEVEL', choices: logLevels, default: 'info', summary: 'what to log' },
    'log-format': {
      value: 'FORMAT',
      choices: logFormats,
      summary: 'json (one object per line) or text (default: text on a terminal, json elsewhere)',
    },
  },
  examples: {
    'Run the operator for the current context, with your own AWS profile': 'AWS_PROFILE=dev kon operator',
    'In a cluster': 'kon operator --health-address 0.0.0.0:8080 --log-format json',
  },
  run: async (context, { options }) => (await import('./handler.ts')).runInForeground(context, options),
});

/** Parses `127.0.0.1:8080`, `[::1]:8080`, or `:8080` for all addresses. @throws CliError of code USAGE */
export function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):([0-9]{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535)
    throw usageError(
      `"${text}" is not an address`,
      'Pass HOST:PORT, for example 127.0.0.1:8080; port 0 uses a free port.',
    );
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port };
}

/**
 * Parses a Lease duration and returns milliseconds. The leader renews the Lease every 2/15 of the duration, and gives up
 * leadership after 2/3 of the duration without a renewal. With a duration below five seconds, even a slightly slow API server
 * would end the leadership.
 *
 * @throws CliError of code USAGE
 */
export function parseLeaseDuration(text: string): number {
  const seconds = Number(text);
  if (!/^[0-9]{1,3}$/.test(text) || seconds < 5 || seconds > 300)
    throw usageError(`"${text}" is not a Lease duration`, 'Pass whole seconds, from 5 to 300.');
  return seconds * 1000;
}
