import { defineCommand } from '../../command.ts';
import { writeFormats } from '../../write/formats.ts';
import { appOption, dryRunOption, filenameOption, givenName, waitOptions } from '../options.ts';
import { contentOptions } from './content-options.ts';
import { parseEnv, parsePort, parseReplicas } from './from-options.ts';

export const appCreateCommand = defineCommand({
  path: ['app', 'create'],
  summary: 'Create an app and wait until it runs',
  description:
    'Opens an editor on a manifest to fill in, unless a file or an image is given. An app that names an account waits until the account is proven, so that its pods never run without their permissions.',
  positionals: [{ name: 'name', summary: 'the name of the app' }],
  options: [
    appOption,
    { name: 'image', value: 'IMAGE', summary: 'the container image; its tag too, after a colon' },
    { name: 'tag', value: 'TAG', summary: 'the tag of the image' },
    {
      name: 'account',
      value: 'NAME',
      summary: 'the account whose AWS permissions the pods hold',
      complete: 'accounts',
    },
    {
      name: 'port',
      value: 'PORT',
      repeatable: true,
      parse: parsePort,
      summary: 'a port the container listens on, as 8080 or http:8080; repeat for more',
    },
    {
      name: 'env',
      value: 'NAME=VALUE',
      repeatable: true,
      parse: parseEnv,
      summary: 'a variable of the container’s environment; repeat for more',
    },
    ...contentOptions,
    {
      name: 'target',
      short: 't',
      value: 'NAME',
      repeatable: true,
      summary: 'where it runs; repeat for more, all targets of the cluster when absent',
      complete: 'targets',
    },
    { name: 'replicas', value: 'N', parse: parseReplicas, summary: 'how many pods in each target' },
    filenameOption,
    dryRunOption,
    ...waitOptions,
  ],
  formats: writeFormats,
  examples: [
    { does: 'Write the app in an editor', command: 'kon app create myapp' },
    {
      does: 'Without an editor',
      command: 'kon app create myapp --image nginx:1.29 --port 80 --account myaccount',
    },
    {
      does: 'With files in /etc/shop, and the address of the app reviews',
      command:
        'kon app create shop --image shop:1 --config settings=./settings:/etc/shop --depends-on reviews',
    },
    { does: 'From a file', command: 'kon app create -f myapp.yaml' },
  ],
  run: async (context, { args, options }) => {
    const { createFlow } = await import('../../write/create.ts');
    const { appKind } = await import('../../kinds.ts');
    const { appTemplate } = await import('../../manifest/template.ts');
    const { getClusterConfig, knownTargets } = await import('../../cluster/targets.ts');
    const { appManifest, describesApp } = await import('./from-options.ts');
    const { configContent } = await import('./config-files.ts');
    const described = {
      ...options,
      ports: options.port,
      targets: options.target,
      configs: options.config.map((config) => configContent(config, context.cwd)),
      dependencies: options.dependsOn,
    };
    return createFlow(context, {
      kind: appKind,
      name: givenName('app', args.name, options.app),
      filename: options.filename,
      fromOptions: describesApp(described)
        ? async (client, name) => {
            const all = described.targets.length > 0 ? [] : (await getClusterConfig(client)).spec.targets;
            return appManifest(name, described, all);
          }
        : undefined,
      template: async (client, name) => appTemplate(name, await knownTargets(client)),
      withoutEditor: ['Give at least --image IMAGE, or a manifest with -f FILE.'],
      write: options,
    });
  },
});
