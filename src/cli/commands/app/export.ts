import { defineCommand } from '../../framework/command.ts';
import { appOption, namesArgument, requiredNames } from '../../framework/options.ts';

export const appExportCommand = defineCommand({
  description:
    'Prints the manifest without the status and without the fields that the API server or the operator sets. You can keep the manifest in a repository and pass it to `kon apply -f -` on any cluster.',
  positionals: { ...namesArgument('app', 'name of the app') },
  options: { ...appOption },
  returns: 'manifest',
  examples: {
    'Save the manifest to a file': 'kon app export myapp > myapp.yaml',
    'Copy an app to another cluster': 'kon app export myapp | kon --context other apply -f -',
  },
  run: async (context, { args, options }) => {
    const { exportFlow } = await import('../../objects/export.ts');
    const { appKind } = await import('../../cluster/kinds.ts');
    return exportFlow(context, appKind, requiredNames('app', args.name, options.app));
  },
});
