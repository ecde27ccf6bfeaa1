/**
 * IAM quotas of an AWS account. The defaults are AWS's defaults.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
export type IamQuotas = {
  readonly roles: number;
  readonly customerManagedPolicies: number;
  readonly attachedPoliciesPerRole: number;
  /** Maximum number of characters in a trust policy, without white space. */
  readonly assumeRolePolicySize: number;
  /** Maximum number of characters without white space, summed over all inline policies of a role. */
  readonly rolePolicySize: number;
  /** Maximum number of characters in a managed policy, without white space. */
  readonly policySize: number;
  readonly versionsPerPolicy: number;
  readonly tags: number;
  readonly openIdConnectProviders: number;
  readonly clientIdsPerProvider: number;
  readonly instanceProfiles: number;
};

export const defaultQuotas: IamQuotas = {
  roles: 1000,
  customerManagedPolicies: 1500,
  attachedPoliciesPerRole: 10,
  assumeRolePolicySize: 2048,
  rolePolicySize: 10_240,
  policySize: 6144,
  versionsPerPolicy: 5,
  tags: 50,
  openIdConnectProviders: 100,
  clientIdsPerProvider: 100,
  instanceProfiles: 1000,
};

/** Returns the length without white space, which IAM does not count anywhere in a document. */
export const sizeWithoutWhitespace = (text: string): number => text.replaceAll(/\s/g, '').length;
