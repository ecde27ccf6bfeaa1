import { defineCommand } from '../../../framework/command.ts';

export const policiesLintCommand = defineCommand({
  description:
    "Checks manifests of accounts (YAML or JSON) and IAM policy documents (JSON) without AWS or a cluster. Errors are what IAM would refuse and statements that allow everything. Warnings are unknown services and actions, from AWS's service authorization reference, resources that no action applies to, and statements that have ended.",
  positionals: [
    { name: 'file', required: true, summary: 'file to check, or - for stdin', complete: 'files' },
  ],
  options: [],
  returns: 'list',
  examples: [
    { does: 'Check the statements of an account', command: 'kon policies lint myaccount.yaml' },
    { does: 'Check an IAM policy document', command: 'kon policies lint policy.json' },
  ],
  run: async (context, { args }) => {
    const { lintFlow } = await import('./handler.ts');
    return lintFlow(context, args.file);
  },
});
