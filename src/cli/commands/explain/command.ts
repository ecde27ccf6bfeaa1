import { defineCommand } from '../../framework/command.ts';

export const explainCommand = defineCommand({
  description:
    'Explains the codes of errors, and the reasons in conditions, status rows and Events. Works without a cluster. Without a code it lists all of them.',
  positionals: [{ name: 'code', summary: 'for example PolicyNotFound or NOT_READY', complete: 'codes' }],
  examples: [
    { does: 'Explain a reason', command: 'kon explain PolicyNotFound' },
    { does: 'List all codes', command: 'kon explain' },
  ],
  run: async (context, { args }) => {
    const { explainCode } = await import('./handler.ts');
    explainCode(context, args.code);
  },
});
