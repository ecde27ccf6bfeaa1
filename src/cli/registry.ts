/**
 * List of all commands. Help, completion and docs/reference/cli.md are derived from this list, in the same order. Each
 * start of `kon` loads this list; `load` then loads the rest of one command.
 */
import {
  loadCommand,
  type Command,
  type CommandEntry,
  type CommandGroup,
  type HelpSection,
} from './framework/command.ts';
import { accountCommands, accountGroup } from './commands/account/index.ts';
import { appCommands, appGroup } from './commands/app/index.ts';
import { targetCommands, targetGroup } from './commands/target/index.ts';
import { policiesCommands, policiesGroup } from './commands/policies/index.ts';
import { sandboxCommands, sandboxGroup } from './commands/sandbox/index.ts';

export const commandGroups: readonly CommandGroup[] = [
  accountGroup,
  appGroup,
  targetGroup,
  policiesGroup,
  sandboxGroup,
];

const inSection = (
  section: HelpSection,
  entries: Readonly<Record<string, Omit<CommandEntry, 'path' | 'section'>>>,
): readonly CommandEntry[] =>
  Object.entries(entries).map(([name, entry]) => ({ path: [name], section, ...entry }));

export const commands: readonly CommandEntry[] = [
  ...accountCommands,
  ...appCommands,
  ...targetCommands,
  ...policiesCommands,
  ...inSection('Everyday commands:', {
    'who-can': {
      summary: 'List the accounts and pods that may perform an action on a resource, and why',
      load: async () => (await import('./commands/who-can/command.ts')).whoCanCommand,
    },
    status: {
      summary: 'Show the cluster, the operator, what is not ready and what has drifted',
      load: async () => (await import('./commands/status/command.ts')).statusCommand,
    },
    apply: {
      summary: 'Apply manifests and wait until their objects are ready',
      load: async () => (await import('./commands/apply/command.ts')).applyCommand,
    },
    diff: {
      summary: 'Show the changes that kon apply would make',
      load: async () => (await import('./commands/diff/command.ts')).diffCommand,
    },
    console: {
      summary: 'Open the web console, which shows the AWS permissions of each pod',
      load: async () => (await import('./commands/console/command.ts')).consoleCommand,
    },
  }),
  ...inSection('Cluster:', {
    doctor: {
      summary: 'Check the cluster, the operator, AWS and this shell for problems',
      load: async () => (await import('./commands/doctor/command.ts')).doctorCommand,
    },
    conformance: {
      summary: 'Compare a real AWS account, and an EKS cluster, with what Konstellation expects of AWS',
      load: async () => (await import('./commands/conformance/command.ts')).conformanceCommand,
    },
    install: {
      summary: 'Install Konstellation on the cluster of the kubeconfig and in IAM',
      load: async () => (await import('./commands/install/command.ts')).installCommand,
    },
    uninstall: {
      summary: 'Delete what kon install created in the cluster and in IAM, and wait for the deletion',
      load: async () => (await import('./commands/uninstall/command.ts')).uninstallCommand,
    },
    crds: {
      summary: 'Print the CustomResourceDefinitions',
      load: async () => (await import('./commands/crds.ts')).crdsCommand,
    },
    'iam-policy': {
      summary: "Print the operator's IAM policy",
      load: async () => (await import('./commands/iam-policy/command.ts')).iamPolicyCommand,
    },
    operator: {
      summary: 'Run the operator in the foreground',
      load: async () => (await import('./commands/operator/command.ts')).operatorCommand,
    },
  }),
  ...sandboxCommands,
  ...inSection('Other commands:', {
    version: {
      summary: 'Print the versions of kon, the operator and the CRDs',
      load: async () => (await import('./commands/version/command.ts')).versionCommand,
    },
    explain: {
      summary: 'Explain an error code or a reason: its meaning and what to do',
      load: async () => (await import('./commands/explain/command.ts')).explainCommand,
    },
    completion: {
      summary: 'Print the shell completion script',
      load: async () => (await import('./commands/completion.ts')).completionCommand,
    },
  }),
  {
    path: ['__complete'],
    summary: 'Print completions for the last word',
    hidden: true,
    load: async () =>
      (await import('./commands/completion.ts')).completeCommand({ commands, groups: commandGroups }),
  },
];

/** Loads all commands, for texts that cover all commands. */
export function loadCommands(): Promise<readonly Command[]> {
  return Promise.all(commands.map(loadCommand));
}
