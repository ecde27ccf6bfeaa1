/** Settings of a sandbox. */

export type SandboxSettings = {
  /** Cluster name in AWS and in the ClusterConfig. */
  readonly name: string;
  readonly region: string;
  /** Twelve digits. */
  readonly accountId: string;
  readonly targets: readonly string[];
  /** Whether the operator is started. Developers of the operator run their own. */
  readonly operator: boolean;
  /** Nothing of Konstellation in the cluster or in AWS, as before `kon install`. */
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

/** Tag keys that accounts of the sandbox may set: a few allowed keys to test the restriction with. */
export const sandboxTagKeys = ['app', 'environment', 'owner', 'team'] as const;
