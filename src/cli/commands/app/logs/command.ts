import { defineCommand } from '../../../framework/command.ts';
import { parseDuration } from '../../../framework/duration.ts';
import { usageError } from '../../../framework/errors.ts';
import { appOption, requiredName, wholeNumber } from '../../../framework/options.ts';
import { containerOption, podOption, appTargetsOption } from '../options.ts';

export const appLogsCommand = defineCommand({
  description:
    'Without -f, prints the logs of one pod after the other, the oldest pod first. With -f, prints lines as they are written, also of new pods, until Ctrl-C; the output continues after restarts and broken connections. On a terminal, each line begins with its target and pod; in a pipe or file, lines are unchanged.',
  positionals: { name: { summary: 'name of the app', names: 'app', complete: 'apps' } },
  options: {
    ...appOption,
    ...appTargetsOption,
    pod: { ...podOption.pod, summary: 'only this pod' },
    ...containerOption,
    follow: { short: 'f', summary: 'follow the logs until Ctrl-C' },
    since: {
      value: 'DURATION',
      summary: 'only lines newer than this duration: 30s, 5m, 2h',
      parse: parseDuration,
    },
    tail: {
      value: 'LINES',
      summary: 'number of lines to print from the end of the log of each pod',
      parse: wholeNumber('a number of lines', 0, 999_999_999),
    },
    previous: { summary: 'logs of the containers that ran before the last restart' },
    timestamps: { summary: 'begin each line with its timestamp' },
    prefix: {
      value: 'WHEN',
      choices: ['auto', 'always', 'never'],
      default: 'auto',
      summary: 'begin each line with target and pod; auto: on a terminal',
    },
  },
  examples: {
    'Follow all pods': 'kon app logs myapp -f --tail 10',
    'Search the last hour of one target': 'kon app logs myapp --target production --since 1h | grep -i error',
    'Find out why a container has restarted': 'kon app logs myapp --previous --tail 50',
  },
  run: async (context, { args, options }) => {
    if (options.follow && options.previous)
      throw usageError(
        '--follow and --previous cannot be combined',
        'Pass only one of the options: a container that has ended writes no new lines.',
      );
    const { logsFlow } = await import('./handler.ts');
    return logsFlow(context, { ...options, name: requiredName('app', args.name, options.app) });
  },
});
