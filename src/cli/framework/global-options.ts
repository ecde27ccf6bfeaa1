/** Options that every command accepts, before or after its own options. */
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
    summary: 'kubeconfig to use (default: the files in $KUBECONFIG, otherwise ~/.kube/config)',
    complete: 'files',
  },
  {
    name: 'as',
    value: 'USER',
    summary: 'user to impersonate in the cluster; AWS credentials stay yours',
  },
  {
    name: 'as-group',
    value: 'GROUP',
    repeatable: true,
    summary: 'group to impersonate, with --as; repeat for more',
  },
  {
    name: 'output',
    short: 'o',
    value: 'FORMAT',
    summary: `output format: ${allFormats.map(shownFormat).join(', ')}`,
    complete: { choices: allFormats },
  },
  { name: 'no-color', summary: 'disable colour, like NO_COLOR in the environment' },
  { name: 'verbose', short: 'v', summary: 'log each request to Kubernetes or AWS on stderr' },
];
