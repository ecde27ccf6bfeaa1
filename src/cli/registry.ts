/**
 * List of all commands. Help, completion and docs/reference/cli.md are derived from this list, in the same order. Each
 * start of `kon` loads this list; `load` then loads the rest of one command.
 */
import { loadCommand, type Command, type CommandEntry, type CommandGroup } from './framework/command.ts';
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

export const commands: readonly CommandEntry[] = [
  ...accountCommands,
  ...appCommands,
  ...targetCommands,
  ...policiesCommands,
  {
    path: ['who-can'],
    section: 'Everyday commands:',
    summary: 'List the accounts and pods that may perform an action on a resource, and why',
    load: async () => (await import('./commands/who-can/command.ts')).whoCanCommand,
  },
  {
    path: ['status'],
    section: 'Everyday commands:',
    summary: 'Show the cluster, the operator, what is not ready and what has drifted',
    load: async () => (await import('./commands/status/command.ts')).statusCommand,
  },
  {
    path: ['apply'],
    section: 'Everyday commands:',
    summary: 'Apply manifests and wait until their objects are ready',
    load: async () => (await import('./commands/apply/command.ts')).applyCommand,
  },
  {
    path: ['diff'],
    section: 'Everyday commands:',
    summary: 'Show the changes that kon apply would make',
    load: async () => (await import('./commands/diff/command.ts')).diffCommand,
  },
  {
    path: ['console'],
    section: 'Everyday commands:',
    summary: 'Open the web console, which shows the AWS permissions of each pod',
    load: async () => (await import('./commands/console/command.ts')).consoleCommand,
  },
  {
    path: ['doctor'],
    section: 'Cluster:',
    summary: 'Check the cluster, the operator, AWS and this shell for problems',
    load: async () => (await import('./commands/doctor/command.ts')).doctorCommand,
  },
  {
    path: ['conformance'],
    section: 'Cluster:',
    summary: 'Compare a real AWS account, and an EKS cluster, with what Konstellation expects of AWS',
    load: async () => (await import('./commands/conformance/command.ts')).conformanceCommand,
  },
  {
    path: ['install'],
    section: 'Cluster:',
    summary: 'Install Konstellation on the cluster of the kubeconfig and in IAM',
    load: async () => (await import('./commands/install/command.ts')).installCommand,
  },
  {
    path: ['uninstall'],
    section: 'Cluster:',
    summary: 'Delete what kon install created in the cluster and in IAM, and wait for the deletion',
    load: async () => (await import('./commands/uninstall/command.ts')).uninstallCommand,
  },
  {
    path: ['crds'],
    section: 'Cluster:',
    summary: 'Print the CustomResourceDefinitions',
    load: async () => (await import('./commands/crds.ts')).crdsCommand,
  },
  {
    path: ['iam-policy'],
    section: 'Cluster:',
    summary: "Print the operator's IAM policy",
    load: async () => (await import('./commands/iam-policy/command.ts')).iamPolicyCommand,
  },
  {
    path: ['operator'],
    section: 'Cluster:',
    summary: 'Run the controller in the foreground',
    load: async () => (await import('./commands/operator/command.ts')).operatorCommand,
  },
  ...sandboxCommands,
  {
    path: ['version'],
    section: 'Other commands:',
    summary: 'Print the versions of kon, the operator and the CRDs',
    load: async () => (await import('./commands/version/command.ts')).versionCommand,
  },
  {
    path: ['explain'],
    section: 'Other commands:',
    summary: 'Explain an error code or a reason: its meaning and what to do',
    load: async () => (await import('./commands/explain/command.ts')).explainCommand,
  },
  {
    path: ['completion'],
    section: 'Other commands:',
    summary: 'Print the shell completion script',
    load: async () => (await import('./commands/completion.ts')).completionCommand,
  },
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
