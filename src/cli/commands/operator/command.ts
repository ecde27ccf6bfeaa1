import { wholeNumber } from '../../framework/options.ts';
import { defineCommand } from '../../framework/command.ts';
import { parseAddress, parseLeaseDuration } from './options.ts';

const logLevels = ['debug', 'info', 'warn', 'error'];
const logFormats = ['json', 'text'];

export const operatorCommand = defineCommand({
  path: ['operator'],
  summary: 'Run the controller in the foreground',
  description:
    'Keeps IAM and the cluster in step with accounts and apps until it is stopped. The cluster is that of the kubeconfig, or the one it runs in. AWS is configured as with every AWS SDK: AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_ROLE_ARN, AWS_ENDPOINT_URL and so on.',
  options: [
    {
      name: 'health-address',
      value: 'HOST:PORT',
      parse: parseAddress,
      summary: 'serve /healthz, /readyz and /metrics there; nowhere when absent',
    },
    {
      name: 'concurrency',
      value: 'N',
      parse: wholeNumber('a number of workers', 1, 999),
      summary: 'how many accounts, and how many apps, are worked on at a time',
    },
    {
      name: 'lease-namespace',
      value: 'NAMESPACE',
      summary:
        'where the Lease is kept by which operators of one cluster take turns; the one it runs in, else kube-system, when absent',
    },
    {
      name: 'lease-duration',
      value: 'SECONDS',
      parse: parseLeaseDuration,
      summary:
        "how long other operators wait after this one's last sign of life before one of them takes over; 15 when absent",
    },
    {
      name: 'require-admission',
      summary:
        'reconcile nothing before the API server enforces the admission policies, as an installed operator does',
    },
    { name: 'without-lease', summary: 'take no turns: no other operator works on this cluster' },
    { name: 'log-level', value: 'LEVEL', choices: logLevels, default: 'info', summary: 'what to log' },
    {
      name: 'log-format',
      value: 'FORMAT',
      choices: logFormats,
      summary: 'json, one object per line, or text; text on a terminal when absent, json elsewhere',
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
