/** List of all commands. Help, completion and docs/reference/cli.md derive from it, in its order. */
import type { Command, CommandGroup } from './framework/command.ts';
import { nounWords } from './framework/object-name.ts';
import { accountCreateCommand } from './commands/account/create/command.ts';
import { accountEditCommand } from './commands/account/edit/command.ts';
import { accountListCommand } from './commands/account/list/command.ts';
import { accountShowCommand } from './commands/account/show/command.ts';
import { accountDeleteCommand } from './commands/account/delete.ts';
import { accountPlanCommand, accountDiffCommand } from './commands/account/plan/command.ts';
import { accountVerifyCommand } from './commands/account/verify/command.ts';
import { accountCanICommand } from './commands/account/can-i/command.ts';
import { accountOrphansCommand } from './commands/account/orphans/command.ts';
import { accountHistoryCommand } from './commands/account/history/command.ts';
import { accountImportCommand } from './commands/account/import/command.ts';
import { accountPodsCommand } from './commands/account/pods/command.ts';
import { accountExportCommand } from './commands/account/export.ts';
import { accountCopyCommand } from './commands/account/copy/command.ts';
import { policiesLintCommand } from './commands/policies/lint/command.ts';
import { accountQuarantineCommand } from './commands/account/quarantine/command.ts';
import { accountReleaseCommand } from './commands/account/release/command.ts';
import { accountRevokeCommand } from './commands/account/revoke/command.ts';
import { policiesSearchCommand } from './commands/policies/search/command.ts';
import { appCreateCommand } from './commands/app/create.ts';
import { appEditCommand } from './commands/app/edit.ts';
import { appListCommand } from './commands/app/list.ts';
import { appShowCommand, appStatusCommand } from './commands/app/status/command.ts';
import { appDeleteCommand } from './commands/app/delete.ts';
import { appDeployCommand } from './commands/app/deploy/command.ts';
import { appExportCommand } from './commands/app/export.ts';
import { appHaltCommand } from './commands/app/halt.ts';
import { appHistoryCommand } from './commands/app/history/command.ts';
import { appLogsCommand } from './commands/app/logs/command.ts';
import { appPodsCommand } from './commands/app/pods/command.ts';
import { appPortForwardCommand } from './commands/app/port-forward/command.ts';
import { appRestartCommand } from './commands/app/restart/command.ts';
import { appResumeCommand } from './commands/app/resume.ts';
import { appRollbackCommand } from './commands/app/rollback/command.ts';
import { appShellCommand } from './commands/app/shell/command.ts';
import { targetListCommand } from './commands/target/list/command.ts';
import { targetCreateCommand } from './commands/target/create/command.ts';
import { targetDeleteCommand } from './commands/target/delete/command.ts';
import { applyCommand } from './commands/apply/command.ts';
import { completeCommand, completionCommand } from './commands/completion.ts';
import { conformanceCommand } from './commands/conformance/command.ts';
import { consoleCommand } from './commands/console/command.ts';
import { crdsCommand } from './commands/crds.ts';
import { diffCommand } from './commands/diff/command.ts';
import { doctorCommand } from './commands/doctor/command.ts';
import { explainCommand } from './commands/explain/command.ts';
import { iamPolicyCommand } from './commands/iam-policy/command.ts';
import { installCommand } from './commands/install/command.ts';
import { operatorCommand } from './commands/operator/command.ts';
import { statusCommand } from './commands/status/command.ts';
import { whoCanCommand } from './commands/who-can/command.ts';
import { policiesUsersCommand } from './commands/policies/users/command.ts';
import { appCanICommand } from './commands/app/can-i/command.ts';
import { versionCommand } from './commands/version/command.ts';
import { uninstallCommand } from './commands/uninstall/command.ts';
import { sandboxAwsCommand } from './commands/sandbox/aws/command.ts';
import { sandboxDownCommand } from './commands/sandbox/down.ts';
import { sandboxEnvCommand } from './commands/sandbox/env.ts';
import { sandboxExecCommand } from './commands/sandbox/exec/command.ts';
import { sandboxLogsCommand } from './commands/sandbox/logs.ts';
import { sandboxStatusCommand } from './commands/sandbox/status/command.ts';
import { sandboxTourCommand } from './commands/sandbox/tour/command.ts';
import { sandboxUpCommand } from './commands/sandbox/up/command.ts';
import { sandboxWebhookCommand } from './commands/sandbox/webhook.ts';

const everyday = { section: 'Everyday commands:' } as const;

export const commandGroups: readonly CommandGroup[] = [
  {
    path: ['account'],
    aliases: nounWords.account.slice(1),
    ...everyday,
    summary: 'AWS permissions of apps',
    advice: {
      rename: 'An account cannot be renamed. Copy it, move its apps, and delete it: kon account export NAME',
    },
  },
  {
    path: ['app'],
    aliases: nounWords.app.slice(1),
    ...everyday,
    summary: 'Applications, their targets and accounts',
    advice: {
      rename: 'An app cannot be renamed. Copy it under another name, and delete it: kon app export NAME',
    },
  },
  { path: ['target'], aliases: nounWords.target.slice(1), ...everyday, summary: 'Where apps run' },
  { path: ['policies'], aliases: ['policy'], ...everyday, summary: 'AWS managed policies' },
  {
    path: ['sandbox'],
    section: 'Local sandbox:',
    summary: 'Local cluster of real parts with an AWS emulator',
  },
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
  accountPodsCommand,
  accountHistoryCommand,
  accountImportCommand,
  accountExportCommand,
  accountCopyCommand,
  accountOrphansCommand,
  accountQuarantineCommand,
  accountReleaseCommand,
  accountRevokeCommand,
  appCreateCommand,
  appEditCommand,
  appListCommand,
  appShowCommand,
  appStatusCommand,
  appDeployCommand,
  appRestartCommand,
  appHaltCommand,
  appResumeCommand,
  appHistoryCommand,
  appRollbackCommand,
  appPodsCommand,
  appCanICommand,
  appLogsCommand,
  appShellCommand,
  appPortForwardCommand,
  appExportCommand,
  appDeleteCommand,
  targetListCommand,
  targetCreateCommand,
  targetDeleteCommand,
  policiesSearchCommand,
  policiesLintCommand,
  policiesUsersCommand,
  whoCanCommand,
  statusCommand,
  applyCommand,
  diffCommand,
  consoleCommand,
  doctorCommand,
  conformanceCommand,
  installCommand,
  uninstallCommand,
  crdsCommand,
  iamPolicyCommand,
  operatorCommand,
  sandboxTourCommand,
  sandboxUpCommand,
  sandboxDownCommand,
  sandboxStatusCommand,
  sandboxEnvCommand,
  sandboxExecCommand,
  sandboxLogsCommand,
  sandboxAwsCommand,
  sandboxWebhookCommand,
  versionCommand,
  explainCommand,
  completionCommand,
  completeCommand(() => ({ commands, groups: commandGroups })),
];
