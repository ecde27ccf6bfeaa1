/** Navigation of the docs site, by task. Every document in docs/ needs an entry; `make docs` fails if one is missing. */

export type NavigationEntry = {
  readonly title: string;
  /** Path of a Markdown file from the root of the repository, with an optional anchor. */
  readonly target: string;
};
export type NavigationGroup = { readonly title: string; readonly entries: readonly NavigationEntry[] };

const group = (title: string, entries: Readonly<Record<string, string>>): NavigationGroup => ({
  title,
  entries: Object.entries(entries).map(([target, title]) => ({ title, target })),
});

export const navigation: readonly NavigationGroup[] = [
  group('Start', {
    'README.md': 'Overview',
    'README.md#try-it': 'Try it on your machine',
    'README.md#five-minutes': 'Your first account',
    'docs/guides/install.md': 'Install and uninstall',
    'docs/guides/eks.md': 'On EKS',
    'docs/guides/other-clusters.md': 'On other clusters',
  }),
  group('Give permissions', {
    'docs/guides/accounts.md': 'Accounts',
    'docs/guides/permissions.md': 'Write your own permissions',
    'docs/guides/apps.md': 'Apps and targets',
    'docs/guides/gitops.md': 'GitOps with Argo CD and Flux',
    'docs/guides/migrate.md': 'Migrate from another tool',
    'docs/guides/migrate-eksctl.md': 'Migrate from eksctl',
    'docs/guides/migrate-terraform.md': 'Migrate from Terraform',
    'docs/guides/migrate-ack.md': 'Migrate from ACK',
    'examples/README.md': 'Examples',
  }),
  group('Control access', {
    'docs/guides/security.md': 'Security',
    'docs/guides/who-can.md': 'Who can do what',
    'docs/guides/quarantine.md': 'Cut off an account now',
  }),
  group('Operate', {
    'docs/guides/console.md': 'Web console',
    'docs/guides/doctor.md': 'Check with kon doctor',
    'docs/guides/upgrade.md': 'Upgrade and downgrade',
    'docs/guides/output.md': 'Output for scripts',
    'docs/reference/metrics.md': 'Metrics',
  }),
  group('Troubleshoot', {
    'docs/reference/reasons.md': 'Reasons in conditions',
    'docs/errors.md': 'Errors of kon',
  }),
  group('Reference', {
    'docs/reference/api.md': 'API fields',
    'docs/reference/cli.md': 'Commands',
    'docs/performance.md': 'Performance',
  }),
  group('Sandbox and tests', {
    'docs/sandbox.md': 'Sandbox',
    'docs/aws-emulator.md': 'AWS emulator',
    'docs/aws-emulator-vs-moto.md': 'AWS emulator and moto',
    'docs/conformance.md': 'Conformance with AWS',
    'docs/simulation.md': 'Simulated world',
    'docs/must-not.md': 'What must not happen',
  }),
  group('Project', {
    'docs/adr': 'Architecture decisions',
    'CONTRIBUTING.md': 'Contributing',
    'docs/releasing.md': 'Releasing',
    'CHANGELOG.md': 'Changelog',
    'SECURITY.md': 'Report a vulnerability',
    'CODE_OF_CONDUCT.md': 'Code of conduct',
  }),
];
