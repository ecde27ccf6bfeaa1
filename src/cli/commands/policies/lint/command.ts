import { defineCommand } from '../../../framework/command.ts';

export const policiesLintCommand = defineCommand({
  description:
    "Checks manifests of accounts (YAML or JSON) and IAM policy documents (JSON) without AWS or a cluster. Errors are what IAM would refuse and statements that allow everything. Warnings are unknown services and actions, from AWS's service authorization reference, resources that no action applies to, and statements that have ended.",
  positionals: {
    file: { required: true, summary: 'file to check, or - for stdin', complete: 'files' },
  },
  options: {},
  returns: 'list',
  examples: {
    'Check the statements of an account': 'kon policies lint myaccount.yaml',
    'Check an IAM policy document': 'kon policies lint policy.json',
  },
  run: async (context, { args }) => (await import('./handler.ts')).lintFlow(context, args.file),
});
