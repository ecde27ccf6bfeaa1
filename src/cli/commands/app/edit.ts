import { defineCommand } from '../../framework/command.ts';
import { appOption, filenameOption, forceOption, givenName, writeOptions } from '../../framework/options.ts';
import { removalOptions, specOptions } from './options.ts';

export const appEditCommand = defineCommand({
  description:
    'Opens an editor on the app, unless a file or options are given. If the text is refused, the editor opens again with the error at the top.',
  positionals: { name: { summary: 'name of the app', names: 'app', complete: 'apps' } },
  options: {
    ...appOption,
    ...specOptions({
      port: 'set the list of ports, as 8080 or http:8080; repeat for more',
      env: 'set an environment variable of the container, as NAME=VALUE; repeat for more',
      target: 'set the list of targets; repeat for more',
    }),
    ...removalOptions,
    ...filenameOption,
    ...forceOption,
    ...writeOptions,
  },
  returns: 'written',
  mutates: true,
  examples: {
    'Change an app in your editor': 'kon app edit myapp',
    'Give an app the permissions of an account': 'kon app edit myapp --account myaccount',
    'Remove the account, and with it the permissions': 'kon app edit myapp --no-account',
    'Update the files of a config': 'kon app edit shop --config settings=./settings',
    'Deploy another version': 'kon app edit myapp --tag 1.2.0',
  },
  run: async (context, { args, options }) => {
    const { editFlow } = await import('../../objects/edit.ts');
    const { appKind } = await import('../../cluster/kinds.ts');
    const { changedSpec, describesChange } = await import('./from-options.ts');
    const { removedAppTargets } = await import('../../objects/removed-targets.ts');
    const { withContent } = await import('./config-files.ts');
    const change = withContent(options, context.cwd);
    return editFlow(context, {
      kind: appKind,
      name: givenName('app', args.name, options.app),
      filename: options.filename,
      change: describesChange(change) ? (current) => changedSpec(current.spec, change) : undefined,
      consent: (current, next) => {
        for (const line of removedAppTargets(current, next)) context.stderr.write(`‼ ${line}\n`);
        return Promise.resolve();
      },
      withoutEditor: ['Pass the changes (--account, --image, …), or a manifest with -f FILE.'],
      write: options,
    });
  },
});
