import { defineCommand } from '../../framework/command.ts';
import { parseDuration } from '../../framework/duration.ts';
import { yesOption } from '../../framework/options.ts';

export const conformanceCommand = defineCommand({
  description:
    'Tests a real AWS account with the calls that also test the AWS emulator, and measures how long IAM takes to propagate changes. Lists the resources to create, and asks for confirmation. Uses one path, name prefix and tag for all resources, and removes them afterwards, also after an interruption. With --context, also exchanges tokens of the EKS cluster that the context names, and creates a Pod Identity association in a new namespace; without --context, these scenarios are skipped. Use an AWS account for tests: see docs/conformance.md. Exits with 0 if every call gives the expected result, 1 if a call differs, and above 1 if the result cannot be determined.',
  options: {
    account: {
      value: 'ID',
      summary: 'AWS account to run in, which must be the account of your credentials',
    },
    'cluster-name': {
      value: 'NAME',
      summary: 'with --context: name of the EKS cluster, if the kubeconfig does not name it',
    },
    region: {
      value: 'REGION',
      summary: 'with --context: region of the EKS cluster, if the kubeconfig does not name it',
    },
    target: {
      value: 'NAME',
      summary:
        'with --context: also have the cluster’s operator create, change, repair and delete an account in this target, and run an app with the account',
      complete: 'targets',
      names: 'target',
    },
    'propagation-timeout': {
      value: 'DURATION',
      parse: parseDuration,
      default: '1m',
      summary: 'how long to wait until IAM answers a call as expected',
    },
    report: {
      value: 'FOLDER',
      summary: 'also write the report to FOLDER, in Markdown and JSON',
      complete: 'files',
    },
    'mask-account': { summary: 'leave the AWS account ID and your name out of the report' },
    cleanup: {
      summary: 'only remove resources that an earlier run left, found by their path, names and tag',
    },
    'print-policy': { summary: 'only print the minimal IAM permissions that a run needs' },
    ...yesOption,
  },
  mutates: true,
  isQuestion: true,
  returns: 'report',
  examples: {
    'Run in an AWS account for tests, and keep the report':
      'kon conformance --account 123456789012 --report conformance',
    'Include an EKS cluster':
      'kon conformance --account 123456789012 --context arn:aws:eks:eu-west-1:123456789012:cluster/test',
    'Remove resources that a killed run left': 'kon conformance --account 123456789012 --cleanup',
    'Print the minimal permissions for running the command':
      'kon conformance --account 123456789012 --print-policy',
  },
  run: async (context, { options }) => (await import('./handler.ts')).conformanceFlow(context, options),
});
