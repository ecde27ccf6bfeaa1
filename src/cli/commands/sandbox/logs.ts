import { wholeNumber } from '../../framework/options.ts';
import { type Completion, defineCommand } from '../../framework/command.ts';
import { usageError } from '../../framework/errors.ts';
import { exitCodes } from '../../framework/exit-codes.ts';
import { stateDirOption, withSandbox } from './engine.ts';

/**
 * Names of the logs. The list duplicates a list in the sandbox package, because that package is loaded only when needed. A test
 * compares both lists.
 */
export const logChoices = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
  'aws',
  'webhook',
  'operator',
  'audit',
  'supervisor',
] as const;

const complete: Completion = { choices: logChoices };

export const sandboxLogsCommand = defineCommand({
  description: `Parts are ${logChoices.slice(0, 8).join(', ')}; audit is the audit log of the API server, and supervisor the output of a detached sandbox. Logs are kept until the next start.`,
  positionals: { part: { required: true, summary: 'whose log', complete } },
  options: {
    follow: { short: 'f', summary: 'follow the log until Ctrl-C' },
    tail: {
      value: 'N',
      parse: wholeNumber('a number of lines', 0, 999_999_999),
      summary: 'number of lines to print from the end of the log',
    },
    ...stateDirOption,
  },
  examples: {
    'Follow the operator': 'kon sandbox logs operator -f',
    'Show the last pods that the webhook changed': 'kon sandbox logs webhook --tail 5',
  },
  run: async (context, { args, options }) => {
    const name = logChoices.find((choice) => choice === args.part);
    if (name === undefined)
      throw usageError(
        `the sandbox has no log "${args.part}"`,
        `The logs of the sandbox are: ${logChoices.join(', ')}.`,
      );
    await withSandbox(({ sandboxFolder, sandboxLogs }) =>
      sandboxLogs({
        folder: sandboxFolder(context.env, options.stateDir, context.cwd),
        name,
        tail: options.tail,
        follow: options.follow,
        signal: context.signal,
        write: (text) => context.stdout.write(text),
      }),
    );
    // With --follow, only Ctrl-C ends the command, so it returns the exit code of an interruption.
    return options.follow ? exitCodes.interrupted : exitCodes.ok;
  },
});
