import { defineCommand } from '../../../framework/command.ts';
import { containerOption, podOption, targetOption } from '../options.ts';

export const appShellCommand = defineCommand({
  description:
    'On a terminal, the program also gets a terminal, with keyboard, Ctrl-C and window size. In a pipe, the program reads stdin and writes to stdout and stderr. Exits with the exit code of the program.',
  positionals: {
    name: { required: true, summary: 'name of the app', names: 'app', complete: 'apps' },
    command: {
      variadic: true,
      summary: 'program and arguments, after -- (default: a shell)',
    },
  },
  options: { ...targetOption, ...podOption, ...containerOption },
  examples: {
    'Open a shell': 'kon app shell myapp --target staging',
    'Show the AWS identity of a pod': 'kon app shell myapp -- aws sts get-caller-identity',
    'Run a program in a particular pod': 'kon app shell myapp --pod myapp-6c9f7d-x2x7k -- env',
  },
  run: async (context, { args, options }) => {
    const { shellFlow } = await import('./handler.ts');
    return shellFlow(context, { ...options, name: args.name, command: args.command });
  },
});
