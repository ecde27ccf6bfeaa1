import { defineCommand } from '../../framework/command.ts';
import { appOption, namesArgument, namesOrAll, sortOption } from '../../framework/options.ts';
import { appTargetsOption } from './options.ts';

export const appPodsCommand = defineCommand({
  description:
    'Lists the oldest pods first, because changes reach these pods last. IDENTITY is current, stale (the pod holds another identity), uninjected (the pod identity webhook missed the pod), exempt (by annotation) or, for an app without an account, unexpected (the pod holds an identity). HOLDS shows the identity that the pod holds.',
  positionals: { ...namesArgument('app', 'name of the app (default: all); repeat for more') },
  options: {
    ...appOption,
    ...appTargetsOption,
    'not-current': { summary: 'only pods that do not hold the identity of their account' },
    ...sortOption,
  },
  returns: 'list',
  examples: {
    'Pods of one app': 'kon app pods myapp',
    'Pods of all apps, and the role that each holds': 'kon app pods',
    'Names of the pods in one target, for kubectl': 'kon app pods myapp --target staging -o name',
  },
  run: async (context, { args, options }) => {
    const { appKind } = await import('../../cluster/kinds.ts');
    const { getObject, listObjects } = await import('../../cluster/objects.ts');
    const { podsOfApp, podsOfApps, writePods } = await import('../../pods/list-pods.ts');
    const names = namesOrAll('app', args.name, options.app);
    const client = await context.connect();
    const read = async (name: string): ReturnType<typeof podsOfApp> =>
      podsOfApp(client, await getObject(client, appKind, name), options.target);
    const pods =
      names.length === 0
        ? await podsOfApps(context, client, await listObjects(client, appKind), options.target)
        : (await Promise.all(names.map(read))).flat();
    const [only] = names;
    const none =
      names.length === 1
        ? `${only} has no pods. Find the reason: kon app status ${only}\n`
        : 'There are no pods. Find the reason: kon status\n';
    return writePods(context, pods, options, none);
  },
});
