import { defineCommand } from '../../command.ts';
import { writeFormats } from '../../write/formats.ts';
import { appOption, dryRunOption, filenameOption, givenName, waitOptions } from '../options.ts';
import { contentOptions } from './content-options.ts';
import { parseEnv, parsePort, parseReplicas } from './from-options.ts';

export const appEditCommand = defineCommand({
  path: ['app', 'edit'],
  summary: 'Change an app and wait until the change runs',
  description:
    'Opens an editor on the app, unless a file or options are given. A text that is not accepted is opened again, with the reason on top.',
  positionals: [{ name: 'name', summary: 'the name of the app', complete: 'apps' }],
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
    { name: 'no-account', summary: 'let the pods hold no AWS permissions' },
    {
      name: 'port',
      value: 'PORT',
      repeatable: true,
      parse: parsePort,
      summary: 'listen on exactly these ports, as 8080 or http:8080; repeat for more',
    },
    {
      name: 'env',
      value: 'NAME=VALUE',
      repeatable: true,
      parse: parseEnv,
      summary: 'set a variable of the container’s environment; repeat for more',
    },
    ...contentOptions,
    {
      name: 'remove-env',
      value: 'NAME',
      repeatable: true,
      summary: 'take a variable out of the common environment; repeat for more',
    },
    {
      name: 'remove-config',
      value: 'NAME',
      repeatable: true,
      summary: 'take a config away; repeat for more',
    },
    {
      name: 'remove-dependency',
      value: 'APP',
      repeatable: true,
      summary: 'an app that it calls no more; repeat for more',
      complete: 'apps',
    },
    {
      name: 'target',
      short: 't',
      value: 'NAME',
      repeatable: true,
      summary: 'run in exactly these targets; repeat for more',
      complete: 'targets',
    },
    { name: 'replicas', value: 'N', parse: parseReplicas, summary: 'how many pods in each target' },
    filenameOption,
    dryRunOption,
    ...waitOptions,
  ],
  formats: writeFormats,
  examples: [
    { does: 'Change it in an editor', command: 'kon app edit myapp' },
    { does: 'Give it the permissions of an account', command: 'kon app edit myapp --account myaccount' },
    { does: 'Take them away again', command: 'kon app edit myapp --no-account' },
    {
      does: 'Give its pods the files of a folder anew',
      command: 'kon app edit myapp --config settings=./settings',
    },
    { does: 'Deploy another version', command: 'kon app edit myapp --tag 1.2.0' },
  ],
  run: async (context, { args, options }) => {
    const { editFlow } = await import('../../write/edit.ts');
    const { appKind } = await import('../../kinds.ts');
    const { changedSpec, describesChange } = await import('./from-options.ts');
    const { configContent } = await import('./config-files.ts');
    const change = {
      ...options,
      ports: options.port,
      targets: options.target,
      configs: options.config.map((config) => configContent(config, context.cwd)),
      dependencies: options.dependsOn,
      removedEnv: options.removeEnv,
      removedConfigs: options.removeConfig,
      removedDependencies: options.removeDependency,
    };
    return editFlow(context, {
      kind: appKind,
      name: givenName('app', args.name, options.app),
      filename: options.filename,
      change: describesChange(change) ? (current) => changedSpec(current.spec, change) : undefined,
      withoutEditor: ['Give what is to change (--account, --image, …), or a manifest with -f FILE.'],
      write: options,
    });
  },
});
