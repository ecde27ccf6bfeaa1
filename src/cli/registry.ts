/** Every command there is. Help, completion and docs/reference/cli.md derive from this list, in its order. */
import type { Command, CommandGroup } from './command.ts';
import { crdsCommand } from './commands/crds.ts';

export const commandGroups: readonly CommandGroup[] = [
  { path: ['account'], summary: 'The AWS permissions that apps hold' },
  { path: ['app'], summary: 'Programs, where they run, and the account they use' },
  { path: ['target'], summary: 'Where apps run' },
  { path: ['sandbox'], summary: 'A local cluster and AWS stand-in, from real parts' },
];

export const commands: readonly Command[] = [crdsCommand];
