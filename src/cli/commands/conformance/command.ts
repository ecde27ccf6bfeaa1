import { defineCommand } from '../../framework/command.ts';
import { parseDuration } from '../../framework/duration.ts';
import { yesOption } from '../../framework/options.ts';

export const conformanceCommand = defineCommand({
  description:
    'Sends the calls of the scenario table, which the AWS emulator passes, to a real AWS account, and measures how long IAM takes to propagate changes. Lists what it will create, and asks. Works under one path, name prefix and tag, and removes everything afterwards, also when it is interrupted. With --context it also exchanges tokens of that EKS cluster and creates a Pod Identity association in a namespace of its own; without it, these scenarios are skipped. Use an AWS account for tests: see docs/conformance.md. Exits with 0 if every call is equal, 1 if one differs, and above 1 if it cannot be determined.',
  options: [
    {
      name: 'account',
      value: 'ID',
      summary: 'AWS account to run in, which must be that of your credentials',
    },
    {
      name: 'cluster-name',
      value: 'NAME',
      summary: 'with --context: name of the EKS cluster, if the kubeconfig does not name it',
    },
    {
      name: 'region',
      value: 'REGION',
      summary: 'with --context: region of the EKS cluster, if the kubeconfig does not name it',
    },
    {
      name: 'target',
      value: 'NAME',
      summary:
        'with --context: also let the operator there create, change, repair and delete an account in this target, and run an app with it',
      complete: 'targets',
      names: 'target',
    },
    {
      name: 'propagation-timeout',
      value: 'DURATION',
      parse: parseDuration,
      default: '1m',
      summary: 'how long IAM may take until a call answers as expected',
    },
    {
      name: 'report',
      value: 'FOLDER',
      summary: 'also write the report to FOLDER, in Markdown and JSON',
      complete: 'files',
    },
    { name: 'mask-account', summary: 'leave the account id and your name out of the report' },
    { name: 'cleanup', summary: 'only remove what an earlier run left, found by its path, names and tag' },
    { name: 'print-policy', summary: 'only print the least rights in IAM that a run needs' },
    yesOption,
  ],
  mutates: true,
  isQuestion: true,
  returns: 'report',
  examples: [
    {
      does: 'Run in an AWS account for tests, and keep the report',
      command: 'kon conformance --account 123456789012 --report conformance',
    },
    {
      does: 'Include an EKS cluster',
      command:
        'kon conformance --account 123456789012 --context arn:aws:eks:eu-west-1:123456789012:cluster/test',
    },
    {
      does: 'Remove what a killed run left',
      command: 'kon conformance --account 123456789012 --cleanup',
    },
    {
      does: 'Least rights for the person who runs it',
      command: 'kon conformance --account 123456789012 --print-policy',
    },
  ],
  run: async (context, { options }) => {
    const { conformanceFlow } = await import('./handler.ts');
    return conformanceFlow(context, options);
  },
});
