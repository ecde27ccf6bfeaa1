/** How the commands about running apps are told which targets are meant. */
import type { Option } from '../../command.ts';

export const targetsOption = {
  name: 'target',
  short: 't',
  value: 'NAME',
  repeatable: true,
  summary: 'only this target; repeat for more, all targets of the app when absent',
  complete: 'targets',
} as const satisfies Option;
