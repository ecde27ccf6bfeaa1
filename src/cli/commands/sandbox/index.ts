/** Commands of `kon sandbox`, in the order of help. */
import { commandsOf, type CommandGroup } from '../../framework/command.ts';

export const sandboxGroup: CommandGroup = {
  path: ['sandbox'],
  section: 'Local sandbox:',
  summary: 'Local cluster of real Kubernetes programs, with an AWS emulator',
};

export const sandboxCommands = commandsOf('sandbox', {
  tour: {
    summary: 'Start a sandbox and walk through what Konstellation does',
    load: async () => (await import('./tour/command.ts')).sandboxTourCommand,
  },
  up: {
    summary: 'Start a local cluster with an AWS emulator and the operator',
    load: async () => (await import('./up/command.ts')).sandboxUpCommand,
  },
  down: {
    summary: 'Stop the sandbox and everything in it',
    load: async () => (await import('./down.ts')).sandboxDownCommand,
  },
  status: {
    summary: 'Show the state of the sandbox and its parts',
    load: async () => (await import('./status/command.ts')).sandboxStatusCommand,
  },
  env: {
    summary: 'Print the variables that point kubectl, the AWS CLI and kon at the sandbox',
    load: async () => (await import('./env.ts')).sandboxEnvCommand,
  },
  exec: {
    summary: 'Run a local program with the AWS identity of a pod',
    load: async () => (await import('./exec/command.ts')).sandboxExecCommand,
  },
  logs: {
    summary: 'Print the log of a part of the sandbox',
    load: async () => (await import('./logs.ts')).sandboxLogsCommand,
  },
  aws: {
    summary: 'Run the AWS emulator alone, in the foreground',
    load: async () => (await import('./aws/command.ts')).sandboxAwsCommand,
  },
  webhook: {
    summary: 'Run the pod identity webhook of the sandbox',
    hidden: true,
    load: async () => (await import('./webhook.ts')).sandboxWebhookCommand,
  },
});
