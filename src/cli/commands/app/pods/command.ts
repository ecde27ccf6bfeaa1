import { defineCommand } from '../../../framework/command.ts';
import { appOption, requiredName } from '../../../framework/options.ts';
import { targetsOption } from '../targets-option.ts';

export const appPodsCommand = defineCommand({
  path: ['app', 'pods'],
  summary: "List an app's pods and the AWS identity of each",
  description:
    'The oldest pods come first, since changes reach them last. IDENTITY is current, stale (holds another identity), uninjected (the webhook missed it), exempt (by annotation) or, for an app without an account, unexpected (holds an identity); HOLDS shows what the pod holds.',
  positionals: [{ name: 'name', summary: 'name of the app', names: 'app', complete: 'apps' }],
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
      empty: `${app.metadata.name} has no pods. Find the reason: kon app status ${app.metadata.name}\n`,
    });
  },
});
