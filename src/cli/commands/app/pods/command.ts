import { defineCommand } from '../../../framework/command.ts';
import { appOption, requiredName } from '../../../framework/options.ts';
import { targetsOption } from '../targets-option.ts';

export const appPodsCommand = defineCommand({
  path: ['app', 'pods'],
  summary: 'List the pods of an app in each target, and the AWS identity that each holds',
  description:
    'The oldest come first, as these are the ones that a change has not reached. IDENTITY is current, stale (holds another one), uninjected (the webhook missed it), exempt (excepted by annotation) or, if the app names no account, unexpected (holds an identity all the same); HOLDS says what it holds.',
  positionals: [{ name: 'name', summary: 'the name of the app', complete: 'apps' }],
  options: [appOption, targetsOption],
  returns: 'list',
  examples: [
    { does: 'See them all', command: 'kon app pods myapp' },
    { does: 'In one target, for kubectl', command: 'kon app pods myapp --target staging -o name' },
  ],
  run: async (context, { args, options }) => {
    const { getObject } = await import('../../../cluster/objects.ts');
    const { appKind } = await import('../../../cluster/kinds.ts');
    const { chosenTargets, podsOf } = await import('../../../cluster/app-objects.ts');
    const { writeList } = await import('../../../framework/output/answer.ts');
    const { oldestFirst, podColumns, podRow } = await import('./rows.ts');
    const { wantedIdentities } = await import('../../../pods/wanted-identities.ts');
    const client = await context.connect();
    const app = await getObject(client, appKind, requiredName('app', args.name, options.app));
    const wanted = await wantedIdentities(client, app);
    const rows = (
      await Promise.all(
        chosenTargets(app, options.target).map(async (target) =>
          oldestFirst(
            (await podsOf(client, app, target)).map((pod) =>
              podRow(target, pod, wanted.get(target), app.spec.serviceAccount),
            ),
          ),
        ),
      )
    ).flat();
    await writeList(context, {
      rows,
      columns: podColumns(context.now()),
      data: { object: ({ pod }) => pod },
      empty: `${app.metadata.name} has no pods. See why: kon app status ${app.metadata.name}\n`,
    });
  },
});
