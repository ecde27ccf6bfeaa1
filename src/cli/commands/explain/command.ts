import { defineCommand } from '../../framework/command.ts';

export const explainCommand = defineCommand({
  description:
    'Explains the codes of errors, the reasons in conditions, status rows and Events, and the checks of kon doctor. Works without a cluster. Without a code, lists all codes. Ignores upper and lower case.',
  positionals: {
    code: {
      summary: 'code to explain, for example PolicyNotFound, NOT_READY or operator-leads',
      complete: 'codes',
    },
  },
  returns: 'document',
  examples: {
    'Explain a reason': 'kon explain PolicyNotFound',
    'List all codes': 'kon explain',
    'Print the next steps, for a program': "kon explain PolicyNotFound -o json | jq -r '.items[].steps[]'",
  },
  run: async (context, { args }) => (await import('./handler.ts')).explainCode(context, args.code),
});
