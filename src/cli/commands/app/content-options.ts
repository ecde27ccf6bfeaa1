/** What `kon app create` and `edit` both say of configs and of other apps. */
import type { Option } from '../../command.ts';
import { parseConfig, parseDependency } from './from-options.ts';

export const contentOptions = [
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
] as const satisfies readonly Option[];
