/** Every command there is. Help, completion and docs/reference/cli.md derive from this list, in its order. */
import type { Command, CommandGroup } from './command.ts';
import { accountCreateCommand } from './commands/account/create.ts';
import { accountEditCommand } from './commands/account/edit.ts';
import { accountListCommand } from './commands/account/list.ts';
import { accountShowCommand } from './commands/account/show.ts';
import { accountDeleteCommand } from './commands/account/delete.ts';
import { accountPlanCommand, accountDiffCommand } from './commands/account/plan.ts';
import { accountVerifyCommand } from './commands/account/verify.ts';
import { accountCanICommand } from './commands/account/can-i.ts';
import { accountOrphansCommand } from './commands/account/orphans.ts';
import { accountHistoryCommand } from './commands/account/history.ts';
import { accountImportCommand } from './commands/account/import.ts';
import { accountExportCommand } from './commands/account/export.ts';
import { accountCopyCommand } from './commands/account/copy.ts';
import { policiesSearchCommand } from './commands/policies/search.ts';
import { appCreateCommand } from './commands/app/create.ts';
import { appEditCommand } from './commands/app/edit.ts';
import { appListCommand } from './commands/app/list.ts';
import { appShowCommand, appStatusCommand } from './commands/app/status.ts';
import { appDeleteCommand } from './commands/app/delete.ts';
import { runningAppCommands } from './commands/app/running.ts';
import { targetListCommand } from './commands/target/list.ts';
import { targetCreateCommand } from './commands/target/create.ts';
import { targetDeleteCommand } from './commands/target/delete.ts';
import { applyCommand } from './commands/apply.ts';
import { completeCommand, completionCommand } from './commands/completion.ts';
import { crdsCommand } from './commands/crds.ts';
import { diffCommand } from './commands/diff.ts';
import { doctorCommand } from './commands/doctor.ts';
import { iamPolicyCommand } from './commands/iam-policy.ts';
import { installCommand } from './commands/install.ts';
import { operatorCommand } from './commands/operator.ts';
import { uninstallCommand } from './commands/uninstall.ts';
import { sandboxCommands } from './commands/sandbox/index.ts';

export const commandGroups: readonly CommandGroup[] = [
  { path: ['account'], summary: 'The AWS permissions that apps hold' },
  { path: ['app'], summary: 'Programs, where they run, and the account they use' },
  { path: ['target'], summary: 'Where apps run' },
  { path: ['policies'], summary: 'The managed policies of AWS' },
  { path: ['sandbox'], summary: 'A local cluster and AWS emulator, from real parts' },
];

export const commands: readonly Command[] = [
  accountCreateCommand,
  accountEditCommand,
  accountListCommand,
  accountShowCommand,
  accountDeleteCommand,
  accountPlanCommand,
  accountDiffCommand,
  accountVerifyCommand,
  accountCanICommand,
  accountHistoryCommand,
  accountImportCommand,
  accountExportCommand,
  accountCopyCommand,
  accountOrphansCommand,
  appCreateCommand,
  appEditCommand,
  appListCommand,
  appShowCommand,
  appStatusCommand,
  ...runningAppCommands,
  appDeleteCommand,
  targetListCommand,
  targetCreateCommand,
  targetDeleteCommand,
  policiesSearchCommand,
  applyCommand,
  diffCommand,
  doctorCommand,
  installCommand,
  uninstallCommand,
  crdsCommand,
  iamPolicyCommand,
  operatorCommand,
  ...sandboxCommands,
  completionCommand,
  completeCommand,
];
