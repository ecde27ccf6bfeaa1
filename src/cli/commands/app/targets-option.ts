/** The option that selects targets in commands about running apps. */
import type { Option } from '../../framework/command.ts';

export const targetsOption = {
  name: 'target',
  short: 't',
  value: 'NAME',
  repeatable: true,
  summary: 'only this target; repeat for more, all targets of the app when absent',
  complete: 'targets',
} as const satisfies Option;

export const podOption = {
  name: 'pod',
  value: 'NAME',
  summary: 'this pod; the newest that is ready when absent',
} as const satisfies Option;

export const containerOption = {
  name: 'container',
  short: 'c',
  value: 'NAME',
  summary: 'this container of its pods; the app’s own when absent',
} as const satisfies Option;

/** For commands that talk to one pod. */
export const targetOption = {
  ...targetsOption,
  repeatable: false,
  summary: 'where; may be left out for an app with one target',
} as const satisfies Option;
