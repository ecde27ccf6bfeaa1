/** The commands about apps that run, as the registry lists them after those about their manifests. */
import type { Command } from '../../command.ts';
import { appDeployCommand } from './deploy.ts';
import { appExportCommand } from './export.ts';
import { appHaltCommand } from './halt.ts';
import { appHistoryCommand } from './history.ts';
import { appLogsCommand } from './logs.ts';
import { appPodsCommand } from './pods.ts';
import { appPortForwardCommand } from './port-forward.ts';
import { appRestartCommand } from './restart.ts';
import { appResumeCommand } from './resume.ts';
import { appRollbackCommand } from './rollback.ts';
import { appShellCommand } from './shell.ts';

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
