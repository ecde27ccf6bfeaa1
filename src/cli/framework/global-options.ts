/** The options which every command takes, before or after its own. */
import type { Option } from './command.ts';
import { allFormats } from './output/format.ts';

export const globalOptions: readonly Option[] = [
  {
    name: 'context',
    value: 'NAME',
    summary: 'the context of the kubeconfig to use; its current one when absent',
    complete: 'contexts',
  },
  {
    name: 'kubeconfig',
    value: 'FILE',
    summary: 'the kubeconfig to use; $KUBECONFIG (a list), else ~/.kube/config when absent',
    complete: 'files',
  },
  {
    name: 'output',
    short: 'o',
    value: 'FORMAT',
    summary: `how to answer: ${allFormats.join(', ')}`,
    complete: { choices: allFormats },
  },
  { name: 'no-color', summary: 'write no colour; as NO_COLOR in the environment, or no terminal' },
  { name: 'verbose', short: 'v', summary: 'say on stderr what is done' },
];
