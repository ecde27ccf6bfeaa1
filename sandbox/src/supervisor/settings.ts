/** Settings of a sandbox. */

export type SandboxSettings = {
  /** Name of the cluster in AWS and in the ClusterConfig. */
  readonly name: string;
  readonly region: string;
  /** Twelve digits. */
  readonly accountId: string;
  readonly targets: readonly string[];
  /** Whether the operator is started. Developers of the operator run their own operator instead. */
  readonly operator: boolean;
  /** Whether the cluster and AWS are left without Konstellation, as before `kon install`. */
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

/**
 * Tag keys that accounts in the sandbox are permitted to set. The list is short, so that the restriction can be tested.
 */
export const sandboxTagKeys = ['app', 'environment', 'owner', 'team'] as const;
