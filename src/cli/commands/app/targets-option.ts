/** Option that selects targets, for commands about running apps. */
import type { Option } from '../../framework/command.ts';

export const targetsOption = {
  name: 'target',
  short: 't',
  value: 'NAME',
  repeatable: true,
  summary: 'select only this target (default: all targets of the app); repeat for more',
  names: 'target',
  complete: 'targets',
} as const satisfies Option;

export const podOption = {
  name: 'pod',
  value: 'NAME',
  summary: 'pod to use (default: the newest ready pod)',
} as const satisfies Option;

export const containerOption = {
  name: 'container',
  short: 'c',
  value: 'NAME',
  summary: 'container of the pods (default: the app’s own container)',
} as const satisfies Option;

/** Option that selects one target, for commands that connect to one pod. */
export const targetOption = {
  ...targetsOption,
  repeatable: false,
  summary: 'target (optional if the app has only one target)',
} as const satisfies Option;
