import { defineCommand } from '../../framework/command.ts';

export const explainCommand = defineCommand({
  description:
    'Explains the codes of errors, the reasons in conditions, status rows and Events, and the checks of kon doctor. Works without a cluster. Without a code, lists all codes. Ignores upper and lower case.',
  positionals: [
    {
      name: 'code',
      summary: 'code to explain, for example PolicyNotFound, NOT_READY or operator-leads',
      complete: 'codes',
    },
  ],
  returns: 'document',
  examples: [
    { does: 'Explain a reason', command: 'kon explain PolicyNotFound' },
    { does: 'List all codes', command: 'kon explain' },
    {
      does: 'Print the next steps, for a program',
      command: "kon explain PolicyNotFound -o json | jq -r '.items[].steps[]'",
    },
  ],
  run: async (context, { args }) => {
    const { explainCode } = await import('./handler.ts');
    return explainCode(context, args.code);
  },
});
