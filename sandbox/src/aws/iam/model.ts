/** IAM records, which are immutable: a change replaces the whole record, so that older versions can still be read. */
import type { PolicyDocument } from '../../../../src/policy/model.ts';

export type Tag = { readonly Key: string; readonly Value: string };

/** A policy document, with its parsed form and its encoded form in IAM's responses. */
export type PolicyText = {
  readonly text: string;
  readonly document: PolicyDocument;
  /** The document as text, percent-encoded by RFC 3986. */
  readonly encoded: string;
};

export type InlinePolicy = { readonly name: string; readonly policy: PolicyText };

export type Role = {
  readonly name: string;
  readonly path: string;
  /** `AROA…` */
  readonly id: string;
  readonly arn: string;
  /** Creation time, in milliseconds since the epoch, like all times in this file. */
  readonly createdAt: number;
  readonly description: string | undefined;
  /** Maximum session duration, in seconds. */
  readonly maxSessionDuration: number;
  readonly trust: PolicyText;
  readonly tags: readonly Tag[];
  /** ARNs, sorted. */
  readonly attachedPolicies: readonly string[];
  /** Inline policies, sorted by name. */
  readonly inlinePolicies: readonly InlinePolicy[];
  readonly boundaryArn: string | undefined;
};

export type User = {
  readonly name: string;
  readonly path: string;
  /** `AIDA…` */
  readonly id: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly inlinePolicies: readonly InlinePolicy[];
};

export type PolicyVersion = {
  /** `v1` */
  readonly id: string;
  readonly createdAt: number;
  readonly policy: PolicyText;
};

/** A customer managed or AWS managed policy. */
export type ManagedPolicy = {
  readonly name: string;
  readonly path: string;
  /** `ANPA…` */
  readonly id: string;
  readonly arn: string;
  readonly owner: 'customer' | 'aws';
  readonly description: string | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly tags: readonly Tag[];
  readonly defaultVersionId: string;
  /** Versions of the policy, newest last. */
  readonly versions: readonly PolicyVersion[];
  /** Number of the next version of the policy. Numbers are never reused. */
  readonly nextVersion: number;
};

export type OidcProvider = {
  readonly arn: string;
  /** URL of the issuer without its scheme, as IAM returns it. */
  readonly url: string;
  readonly clientIds: readonly string[];
  readonly thumbprints: readonly string[];
  readonly createdAt: number;
  readonly tags: readonly Tag[];
};

export type InstanceProfile = {
  readonly name: string;
  readonly path: string;
  /** `AIPA…` */
  readonly id: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly tags: readonly Tag[];
  /** Name of the role in the instance profile. A profile has at most one role. */
  readonly roleName: string | undefined;
};
