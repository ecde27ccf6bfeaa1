import { defineCommand } from '../../framework/command.ts';
import { appOption, filenameOption, forceOption, givenName, writeOptions } from '../../framework/options.ts';
import { specOptions } from './options.ts';

export const appCreateCommand = defineCommand({
  description:
    'Opens an editor on a manifest, unless a file or an image is given. An app with an account starts only after its account is proven, so its pods never run without their permissions.',
  positionals: { name: { summary: 'name of the app', names: 'app' } },
  options: {
    ...appOption,
    ...specOptions({
      port: 'a port the container listens on, as 8080 or http:8080; repeat for more',
      env: 'an environment variable of the container, as NAME=VALUE; repeat for more',
      target: 'a target to run in (default: all targets of the cluster); repeat for more',
    }),
    ...filenameOption,
    ...forceOption,
    ...writeOptions,
  },
  returns: 'written',
  mutates: true,
  examples: {
    'Write the app in an editor': 'kon app create myapp',
    'Without an editor': 'kon app create myapp --image nginx:1.29 --port 80 --account myaccount',
    'Mount files in /etc/shop, and pass the address of the app "reviews" in a variable':
      'kon app create shop --image shop:1 --config settings=./settings:/etc/shop --depends-on reviews',
    'From a file': 'kon app create -f myapp.yaml',
  },
  run: async (context, { args, options }) => {
    const { createFlow } = await import('../../objects/create.ts');
    const { appKind } = await import('../../cluster/kinds.ts');
    const { appTemplate } = await import('../../manifest/template.ts');
    const { getClusterConfig, knownTargets } = await import('../../cluster/cluster-config.ts');
    const { appManifest, describesApp } = await import('./from-options.ts');
    const { withContent } = await import('./config-files.ts');
    const described = withContent(options, context.cwd);
    return createFlow(context, {
      kind: appKind,
      name: givenName('app', args.name, options.app),
      filename: options.filename,
      fromOptions: describesApp(described)
        ? async (client, name) => {
            const all = described.target.length > 0 ? [] : (await getClusterConfig(client)).spec.targets;
            return appManifest(name, described, all);
          }
        : undefined,
      template: async (client, name) => appTemplate(name, await knownTargets(client)),
      withoutEditor: ['Pass at least --image IMAGE, or a manifest with -f FILE.'],
      write: options,
    });
  },
});
