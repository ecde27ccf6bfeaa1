import { wholeNumber } from '../../framework/options.ts';
import { defineCommand } from '../../framework/command.ts';
import { parseAddress, parseLeaseDuration } from './options.ts';

const logLevels = ['debug', 'info', 'warn', 'error'];
const logFormats = ['json', 'text'];

export const operatorCommand = defineCommand({
  description:
    'Keeps IAM and the cluster in sync with accounts and apps until it is stopped. Connects to the cluster of the kubeconfig, or to the one it runs in. Configure AWS as for every AWS SDK: AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_ROLE_ARN, AWS_ENDPOINT_URL and so on.',
  options: [
    {
      name: 'health-address',
      value: 'HOST:PORT',
      parse: parseAddress,
      summary: 'address for /healthz, /readyz and /metrics (default: not served)',
    },
    {
      name: 'concurrency',
      value: 'N',
      parse: wholeNumber('a number of workers', 1, 999),
      summary: 'number of accounts, and of apps, that are reconciled concurrently',
    },
    {
      name: 'lease-namespace',
      value: 'NAMESPACE',
      summary: 'namespace of the leader election Lease (default: the one it runs in, or kube-system)',
    },
    {
      name: 'lease-duration',
      value: 'SECONDS',
      parse: parseLeaseDuration,
      summary: 'time after the last renewal when another operator takes over (default: 15)',
    },
    {
      name: 'require-admission',
      summary:
        'reconcile nothing before the API server enforces the admission policies, as an installed operator does',
    },
    { name: 'without-lease', summary: 'no leader election: no other operator works on this cluster' },
    { name: 'log-level', value: 'LEVEL', choices: logLevels, default: 'info', summary: 'what to log' },
    {
      name: 'log-format',
      value: 'FORMAT',
      choices: logFormats,
      summary: 'json (one object per line) or text (default: text on a terminal, json elsewhere)',
    },
  ],
  examples: [
    {
      does: 'Against the current context, with your own AWS profile',
      command: 'AWS_PROFILE=dev kon operator',
    },
    {
      does: 'In a cluster',
      command: 'kon operator --health-address 0.0.0.0:8080 --log-format json',
    },
  ],
  run: async (context, { options }) => {
    const { runInForeground } = await import('./handler.ts');
    return runInForeground(context, options);
  },
});
