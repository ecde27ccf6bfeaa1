import { defineCommand } from '../../framework/command.ts';
import { CliError } from '../../framework/errors.ts';
import {
  accountOption,
  namesArgument,
  namesOrAll,
  sortOption,
  targetsOption,
} from '../../framework/options.ts';

export const accountPodsCommand = defineCommand({
  description:
    'Without a name, lists the pods of all accounts in all targets, and the other pods in these targets if they hold an AWS identity. IDENTITY is current, stale (the pod holds another identity), uninjected (the pod identity webhook missed the pod), exempt (by annotation), or “none wanted” (the pod needs no identity). HOLDS shows the identity that the pod holds.',
  positionals: { ...namesArgument('account', 'name of the account (default: all); repeat for more') },
  options: {
    ...accountOption,
    ...targetsOption('only this target (default: all targets); repeat for more'),
    'not-current': { summary: 'only pods that do not hold the identity of their account' },
    ...sortOption,
  },
  returns: 'list',
  examples: {
    'See which pod holds which role': 'kon account pods',
    'Pods that still hold an older identity': 'kon account pods myaccount --not-current',
  },
  run: async (context, { args, options }) => {
    const { accountKind } = await import('../../cluster/kinds.ts');
    const { getObject, listObjects } = await import('../../cluster/objects.ts');
    const { knownTargets } = await import('../../cluster/cluster-config.ts');
    const { podsOfAccounts, writePods } = await import('../../pods/list-pods.ts');
    const names = namesOrAll('account', args.name, options.account);
    const client = await context.connect();
    const accounts =
      names.length === 0
        ? await listObjects(client, accountKind)
        : await Promise.all(names.map((name) => getObject(client, accountKind, name)));
    // Includes former targets, because pods may still run in targets that were removed from an account or from the
    // cluster.
    const all = new Set([
      ...(await knownTargets(client)),
      ...accounts.flatMap(({ spec, status }) => [
        ...(spec.targets ?? []),
        ...[...(status?.targets ?? []), ...(status?.formerTargets ?? [])].map(({ name }) => name),
      ]),
    ]);
    const unknown = options.target.find((name) => !all.has(name));
    if (unknown !== undefined)
      throw new CliError('NOT_FOUND', `target "${unknown}" not found`, {
        next: ['List targets: kon target list'],
      });
    const targets = options.target.length === 0 ? [...all] : options.target;
    const pods = await podsOfAccounts(context, client, accounts, { targets, others: names.length === 0 });
    return writePods(context, pods, options, 'No pod holds an AWS identity.\n');
  },
});
