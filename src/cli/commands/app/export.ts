import { defineCommand } from '../../framework/command.ts';
import { appOption, requiredName } from '../../framework/options.ts';

export const appExportCommand = defineCommand({
  path: ['app', 'export'],
  summary: 'Print an app’s manifest',
  description:
    'Prints the manifest without status and without fields of the cluster. You can keep it in a repository and pass it to `kon apply -f -` on any cluster.',
  positionals: [{ name: 'name', summary: 'name of the app', complete: 'apps' }],
  options: [appOption],
  returns: 'manifest',
  examples: [
    { does: 'Save it to a file', command: 'kon app export myapp > myapp.yaml' },
    {
      does: 'Copy it to another cluster',
      command: 'kon app export myapp | kon --context other apply -f -',
    },
  ],
  run: async (context, { args, options }) => {
    const { getObject } = await import('../../cluster/objects.ts');
    const { appKind } = await import('../../cluster/kinds.ts');
    const { presentable } = await import('../../manifest/present.ts');
    const { writeObject } = await import('../../framework/output/answer.ts');
    const name = requiredName('app', args.name, options.app);
    const app = await getObject(await context.connect(), appKind, name);
    await writeObject(context, presentable(app));
  },
});
