/** The options that every command accepts, before or after its own. */
import type { Option } from './command.ts';
import { allFormats, shownFormat } from './output/format.ts';

export const globalOptions: readonly Option[] = [
  {
    name: 'context',
    value: 'NAME',
    summary: 'kubeconfig context to use (default: the current one)',
    complete: 'contexts',
  },
  {
    name: 'kubeconfig',
    value: 'FILE',
    summary: 'kubeconfig to use (default: $KUBECONFIG, a list, or ~/.kube/config)',
    complete: 'files',
  },
  {
    name: 'output',
    short: 'o',
    value: 'FORMAT',
    summary: `output format: ${allFormats.map(shownFormat).join(', ')}`,
    complete: { choices: allFormats },
  },
  { name: 'no-color', summary: 'disable colour, like NO_COLOR in the environment' },
  { name: 'verbose', short: 'v', summary: 'log requests to stderr' },
];
