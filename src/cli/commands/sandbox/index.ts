/** The commands of the sandbox, in the order in which help shows them. */
import type { Command } from '../../framework/command.ts';
import { sandboxAwsCommand } from './aws/command.ts';
import { sandboxDownCommand } from './down.ts';
import { sandboxEnvCommand } from './env.ts';
import { sandboxExecCommand } from './exec/command.ts';
import { sandboxLogsCommand } from './logs.ts';
import { sandboxStatusCommand } from './status/command.ts';
import { sandboxTourCommand } from './tour/command.ts';
import { sandboxUpCommand } from './up/command.ts';
import { sandboxWebhookCommand } from './webhook.ts';

export const sandboxCommands: readonly Command[] = [
  sandboxTourCommand,
  sandboxUpCommand,
  sandboxDownCommand,
  sandboxStatusCommand,
  sandboxEnvCommand,
  sandboxExecCommand,
  sandboxLogsCommand,
  sandboxAwsCommand,
  sandboxWebhookCommand,
];
