import { defineCommand } from '../../../framework/command.ts';
import { containerOption, podOption, targetOption } from '../targets-option.ts';

export const appShellCommand = defineCommand({
  path: ['app', 'shell'],
  summary: 'Open a shell in a pod of an app, or run a program there',
  description:
    'On a terminal the program has one too, with the keyboard, Ctrl-C and the size of the window. Between pipes it reads stdin and writes to stdout and stderr. Exits as the program does.',
  positionals: [
    { name: 'name', required: true, summary: 'the name of the app', complete: 'apps' },
    {
      name: 'command',
      variadic: true,
      summary: 'the program and its arguments, after --; a shell when absent',
    },
  ],
  options: [targetOption, podOption, containerOption],
  examples: [
    { does: 'Open a shell', command: 'kon app shell myapp --target staging' },
    { does: 'Ask AWS who the pod is', command: 'kon app shell myapp -- aws sts get-caller-identity' },
    {
      does: 'In a certain pod',
      command: 'kon app shell myapp --pod myapp-6c9f7d-x2x7k -- env',
    },
  ],
  run: async (context, { args, options }) => {
    const { shellFlow } = await import('./handler.ts');
    return shellFlow(context, { ...options, name: args.name, command: args.command });
  },
});
