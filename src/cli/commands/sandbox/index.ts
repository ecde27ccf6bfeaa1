/** The commands of the sandbox, in the order in which help shows them. */
import type { Command } from '../../command.ts';
import { sandboxAwsCommand } from './aws.ts';
import { sandboxDownCommand } from './down.ts';
import { sandboxEnvCommand } from './env.ts';
import { sandboxExecCommand } from './exec.ts';
import { sandboxLogsCommand } from './logs.ts';
import { sandboxStatusCommand } from './status.ts';
import { sandboxTourCommand } from './tour.ts';
import { sandboxUpCommand } from './up.ts';
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
