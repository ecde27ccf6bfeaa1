/** Settings of a sandbox. */

export type SandboxSettings = {
  /** Name of the cluster in AWS and in the ClusterConfig. */
  readonly name: string;
  readonly region: string;
  /** Twelve digits. */
  readonly accountId: string;
  readonly targets: readonly string[];
  /** Whether the operator is started. Developers of the operator run their own. */
  readonly operator: boolean;
  /** Whether Konstellation is absent from the cluster and AWS, as before `kon install`. */
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

/** Tag keys that accounts of the sandbox may set: a short list, so that the restriction can be tested. */
export const sandboxTagKeys = ['app', 'environment', 'owner', 'team'] as const;
