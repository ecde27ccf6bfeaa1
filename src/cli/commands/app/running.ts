/** The commands about apps that run, as the registry lists them after those about their manifests. */
import type { Command } from '../../framework/command.ts';
import { appDeployCommand } from './deploy/command.ts';
import { appExportCommand } from './export.ts';
import { appHaltCommand } from './halt.ts';
import { appHistoryCommand } from './history/command.ts';
import { appLogsCommand } from './logs/command.ts';
import { appPodsCommand } from './pods/command.ts';
import { appPortForwardCommand } from './port-forward/command.ts';
import { appRestartCommand } from './restart/command.ts';
import { appResumeCommand } from './resume.ts';
import { appRollbackCommand } from './rollback/command.ts';
import { appShellCommand } from './shell/command.ts';

export const runningAppCommands: readonly Command[] = [
  appDeployCommand,
  appRestartCommand,
  appHaltCommand,
  appResumeCommand,
  appHistoryCommand,
  appRollbackCommand,
  appPodsCommand,
  appLogsCommand,
  appShellCommand,
  appPortForwardCommand,
  appExportCommand,
];
