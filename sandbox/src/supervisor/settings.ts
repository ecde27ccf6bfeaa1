/** What can be chosen about a sandbox. */

export type SandboxSettings = {
  /** Of the cluster, to AWS and in ClusterConfig. */
  readonly name: string;
  readonly region: string;
  /** Twelve digits. */
  readonly accountId: string;
  readonly targets: readonly string[];
  /** Whether the operator is started. Whoever works on it runs their own. */
  readonly operator: boolean;
  /** Nothing of Konstellation, in the cluster or in AWS, as on the day on which somebody installs it. */
  readonly bare: boolean;
};

export const defaultSettings: SandboxSettings = {
  name: 'sandbox',
  region: 'us-west-2',
  accountId: '123456789012',
  targets: ['production', 'staging'],
  operator: true,
  bare: false,
};

/** Keys of the tags that accounts of the sandbox may set: enough to try the fence from both sides. */
export const sandboxTagKeys = ['app', 'environment', 'owner', 'team'] as const;
