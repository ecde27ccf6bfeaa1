import { defineCommand } from '../../../framework/command.ts';
import { parseDuration } from '../../../framework/duration.ts';
import { usageError } from '../../../framework/errors.ts';
import { appOption, requiredName, wholeNumber } from '../../../framework/options.ts';
import { containerOption, podOption, targetsOption } from '../targets-option.ts';

export const appLogsCommand = defineCommand({
  path: ['app', 'logs'],
  summary: 'Print what the pods of an app have written, or follow it',
  description:
    'Without -f, pod by pod, the oldest pod first. With -f, lines come as they are written, of new pods too, over restarts and broken connections, until Ctrl-C. On a terminal each line begins with its target and pod; programs get the bytes as they are.',
  positionals: [{ name: 'name', summary: 'the name of the app', complete: 'apps' }],
  options: [
    appOption,
    targetsOption,
    { ...podOption, summary: 'only this pod' },
    containerOption,
    { name: 'follow', short: 'f', summary: 'go on with what comes, until Ctrl-C' },
    {
      name: 'since',
      value: 'DURATION',
      summary: 'only what is younger: 30s, 5m, 2h',
      parse: parseDuration,
    },
    {
      name: 'tail',
      value: 'LINES',
      summary: 'only so many of the last lines of each pod',
      parse: wholeNumber('a number of lines', 0, 999_999_999),
    },
    { name: 'previous', summary: 'of the containers that ran before a restart' },
    { name: 'timestamps', summary: 'begin each line with its time' },
    {
      name: 'prefix',
      value: 'WHEN',
      choices: ['auto', 'always', 'never'],
      default: 'auto',
      summary: 'begin each line with target and pod; auto: on a terminal',
    },
  ],
  examples: [
    { does: 'Follow all pods', command: 'kon app logs myapp -f --tail 10' },
    {
      does: 'Search the last hour of one target',
      command: 'kon app logs myapp --target production --since 1h | grep -i error',
    },
    { does: 'See why a container ended', command: 'kon app logs myapp --previous --tail 50' },
  ],
  run: async (context, { args, options }) => {
    if (options.follow && options.previous)
      throw usageError(
        '--follow and --previous were given',
        'Give either: a container that has ended writes nothing more.',
      );
    const { logsFlow } = await import('./handler.ts');
    const { target, app, prefix, ...rest } = options;
    return logsFlow(context, {
      ...rest,
      name: requiredName('app', args.name, app),
      targets: target,
      prefix: prefix === 'always' || prefix === 'never' ? prefix : 'auto',
    });
  },
});
