import { wholeNumber } from '../../framework/options.ts';
import { type Completion, defineCommand } from '../../framework/command.ts';
import { usageError } from '../../framework/errors.ts';
import { exitCodes } from '../../framework/exit-codes.ts';
import { stateDirOption } from './options.ts';

/** Written out, because the engine that knows the parts is loaded only when it is needed; a test compares the two. */
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
  path: ['sandbox', 'logs'],
  summary: 'Print the log of a part of the sandbox',
  description: `Parts are ${logChoices.slice(0, 8).join(', ')}; audit is what was asked of the API server, and supervisor what a detached sandbox said. Logs are kept until the next start.`,
  positionals: [{ name: 'part', required: true, summary: 'whose log', complete }],
  options: [
    { name: 'follow', short: 'f', summary: 'go on with what is added, until Ctrl-C' },
    {
      name: 'tail',
      value: 'N',
      parse: wholeNumber('a number of lines', 0, 999_999_999),
      summary: 'only the last lines',
    },
    stateDirOption,
  ],
  examples: [
    { does: 'See what the operator does', command: 'kon sandbox logs operator -f' },
    { does: 'See what the webhook did to the last pods', command: 'kon sandbox logs webhook --tail 5' },
  ],
  run: async (context, { args, options }) => {
    const name = logChoices.find((choice) => choice === args.part);
    if (name === undefined)
      throw usageError(`the sandbox has no part "${args.part}"`, `Its logs are: ${logChoices.join(', ')}.`);
    const { withSandbox } = await import('./engine.ts');
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
    // It goes on until then, as everything does that follows.
    return options.follow ? exitCodes.interrupted : exitCodes.ok;
  },
});
