/** The options of `kon app create` and `edit` that say what an app is. */
import { wholeNumber } from '../../framework/options.ts';
import type { Option } from '../../framework/command.ts';
import { parseConfig, parseDependency, parseEnv, parsePort } from './from-options.ts';

/** @param summaries of options with another meaning for an existing app */
export const specOptions = (summaries: {
  readonly port: string;
  readonly env: string;
  readonly target: string;
}) =>
  [
    { name: 'image', value: 'IMAGE', summary: 'the container image; its tag too, after a colon' },
    { name: 'tag', value: 'TAG', summary: 'the tag of the image' },
    {
      name: 'account',
      value: 'NAME',
      summary: 'the account whose AWS permissions the pods hold',
      complete: 'accounts',
    },
    { name: 'port', value: 'PORT', repeatable: true, parse: parsePort, summary: summaries.port },
    { name: 'env', value: 'NAME=VALUE', repeatable: true, parse: parseEnv, summary: summaries.env },
    {
      name: 'config',
      value: 'NAME=PATH[:FOLDER]',
      repeatable: true,
      parse: parseConfig,
      summary:
        'a file, or the files of a folder, which pods find in FOLDER; without FOLDER, variables from lines of NAME=VALUE; repeat for more',
      complete: 'files',
    },
    {
      name: 'depends-on',
      value: '[TARGET/]APP[:PORT]',
      repeatable: true,
      parse: parseDependency,
      summary: 'another app that it calls, whose address becomes a variable; repeat for more',
      complete: 'apps',
    },
    {
      name: 'target',
      short: 't',
      value: 'NAME',
      repeatable: true,
      summary: summaries.target,
      complete: 'targets',
    },
    {
      name: 'replicas',
      value: 'N',
      parse: wholeNumber('a number of replicas', 0, 99_999),
      summary: 'how many pods in each target',
    },
  ] as const satisfies readonly Option[];

/** Options that remove parts of an existing app. */
export const removalOptions = [
  { name: 'no-account', summary: 'let the pods hold no AWS permissions' },
  {
    name: 'remove-env',
    value: 'NAME',
    repeatable: true,
    summary: 'take a variable out of the common environment; repeat for more',
  },
  { name: 'remove-config', value: 'NAME', repeatable: true, summary: 'take a config away; repeat for more' },
  {
    name: 'remove-dependency',
    value: 'APP',
    repeatable: true,
    summary: 'an app that it calls no more; repeat for more',
    complete: 'apps',
  },
] as const satisfies readonly Option[];
