/** Options of `kon app create` and `edit` that set fields of an app's spec. */
import { wholeNumber } from '../../framework/options.ts';
import type { Option } from '../../framework/command.ts';
import { parseConfig, parseDependency, parseEnv, parsePort } from './parse-options.ts';

/** @param summaries help texts of the options that have a different meaning in `create` and `edit` */
export const specOptions = (summaries: {
  readonly port: string;
  readonly env: string;
  readonly target: string;
}) =>
  [
    {
      name: 'image',
      value: 'IMAGE',
      summary: 'container image, optionally with a tag after a colon; kon checks only the syntax',
    },
    { name: 'tag', value: 'TAG', summary: 'tag of the image' },
    {
      name: 'account',
      value: 'NAME',
      summary: 'account whose AWS permissions the pods hold',
      names: 'account',
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
        'a file, or the files of a folder, to mount into pods at FOLDER; without FOLDER, a file whose lines NAME=VALUE become variables; repeat for more',
      complete: 'files',
    },
    {
      name: 'depends-on',
      value: '[TARGET/]APP[:PORT]',
      repeatable: true,
      parse: parseDependency,
      summary: 'another app that the app depends on, whose address becomes a variable; repeat for more',
      complete: 'apps',
    },
    {
      name: 'target',
      short: 't',
      value: 'NAME',
      repeatable: true,
      summary: summaries.target,
      names: 'target',
      complete: 'targets',
    },
    {
      name: 'replicas',
      value: 'N',
      parse: wholeNumber('a number of replicas', 0, 99_999),
      summary: 'number of pods in each target',
    },
  ] as const satisfies readonly Option[];

/** Options that remove parts of an existing app. */
export const removalOptions = [
  { name: 'no-account', summary: 'remove the account, so that pods hold no AWS permissions' },
  {
    name: 'remove-env',
    value: 'NAME',
    repeatable: true,
    summary: 'remove a variable from the common environment; repeat for more',
  },
  { name: 'remove-config', value: 'NAME', repeatable: true, summary: 'remove a config; repeat for more' },
  {
    name: 'remove-dependency',
    value: 'APP',
    repeatable: true,
    summary: 'remove a dependency; repeat for more',
    names: 'app',
    complete: 'apps',
  },
] as const satisfies readonly Option[];
