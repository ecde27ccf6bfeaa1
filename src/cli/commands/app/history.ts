import { defineCommand } from '../../framework/command.ts';
import { appOption, namesArgument, requiredNames } from '../../framework/options.ts';
import { appTargetsOption } from './options.ts';

export const appHistoryCommand = defineCommand({
  description:
    'Each revision is a ReplicaSet of the target’s Deployment. A Deployment keeps its last ten revisions. `-o json` prints the ReplicaSets.',
  positionals: { ...namesArgument('app', 'name of the app; several apps are shown in one list') },
  options: { ...appOption, ...appTargetsOption },
  returns: 'list',
  examples: {
    'List images and identities over time': 'kon app history myapp',
    'Print the revisions in one target, for a script': 'kon app history myapp --target staging -o json',
  },
  run: async (context, { args, options }) => {
    const { getObject } = await import('../../cluster/objects.ts');
    const { appKind } = await import('../../cluster/kinds.ts');
    const { chosenTargets } = await import('../../cluster/app-objects.ts');
    const { writeList } = await import('../../framework/output/answer.ts');
    const { readRevisions, revisionColumns } = await import('./revisions.ts');
    const client = await context.connect();
    const names = requiredNames('app', args.name, options.app);
    const revisions = await Promise.all(
      names.map(async (name) => {
        const app = await getObject(client, appKind, name);
        const found = await readRevisions(client, app, chosenTargets(app, options.target));
        return found.map((revision) => ({ app: name, ...revision }));
      }),
    );
    const columns = revisionColumns(context.now());
    await writeList(context, {
      rows: revisions.flat(),
      columns:
        names.length > 1
          ? [{ header: 'APP', value: (row: { readonly app: string }) => row.app }, ...columns]
          : columns,
      data: { object: (revision) => revision.replicaSet },
      empty: `No revision of ${names.join(', ')} has been deployed yet.\n`,
    });
  },
});
