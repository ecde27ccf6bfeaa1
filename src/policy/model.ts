/**
 * Types of policy evaluation: parsed documents, requests and decisions. They are separate from parsing and evaluation, so that
 * the services of the emulator can use only the types.
 */

/**
 * Purpose of a document. `managed` and `session` are identity policies with one additional rule each: a managed policy must have
 * version 2012-10-17, and a session policy, which is passed to an AssumeRole call, needs complete ARNs.
 */
export type PolicyKind = 'identity' | 'managed' | 'session' | 'trust';

/** Policy document with checked grammar and values. Statements are in the order of the text. */
export type PolicyDocument = {
  readonly version: '2008-10-17' | '2012-10-17';
  readonly id?: string;
  readonly statements: readonly PolicyStatement[];
};

export type PolicyStatement = {
  readonly sid?: string;
  readonly effect: 'Allow' | 'Deny';
  /** Present in every trust policy, and in no other policy. */
  readonly principal?: PolicyPrincipal;
  readonly action: PatternSet;
  /** Absent in every trust policy, and present in all other policies. */
  readonly resource?: PatternSet;
  /** Conditions, all of which must hold. */
  readonly conditions: readonly PolicyCondition[];
};

/** `Action`/`Resource` (not negated) or `NotAction`/`NotResource` (negated). */
export type PatternSet = { readonly negated: boolean; readonly patterns: readonly string[] };

export type PrincipalType = 'AWS' | 'Federated' | 'Service';

/** `anyone` is `"Principal": "*"`. */
export type PolicyPrincipal =
  | { readonly kind: 'anyone' }
  | {
      readonly kind: 'listed';
      readonly entries: readonly { readonly type: PrincipalType; readonly value: string }[];
    };

/** One operator applied to one key; several values are alternatives. */
export type PolicyCondition = {
  readonly operator: ConditionOperator;
  /** Condition key in its original spelling; compared case-insensitively. */
  readonly key: string;
  readonly values: readonly string[];
};

export type ConditionOperator = {
  readonly base: ConditionOperatorName;
  readonly ifExists: boolean;
  readonly quantifier?: 'ForAllValues' | 'ForAnyValue';
};

export type ConditionOperatorName =
  | 'StringEquals'
  | 'StringNotEquals'
  | 'StringEqualsIgnoreCase'
  | 'StringNotEqualsIgnoreCase'
  | 'StringLike'
  | 'StringNotLike'
  | 'NumericEquals'
  | 'NumericNotEquals'
  | 'NumericLessThan'
  | 'NumericLessThanEquals'
  | 'NumericGreaterThan'
  | 'NumericGreaterThanEquals'
  | 'DateEquals'
  | 'DateNotEquals'
  | 'DateLessThan'
  | 'DateLessThanEquals'
  | 'DateGreaterThan'
  | 'DateGreaterThanEquals'
  | 'Bool'
  | 'BinaryEquals'
  | 'IpAddress'
  | 'NotIpAddress'
  | 'ArnEquals'
  | 'ArnNotEquals'
  | 'ArnLike'
  | 'ArnNotLike'
  | 'Null';

/** Condition keys with their values. Keys are compared case-insensitively. */
export type RequestContext = Readonly<Record<string, string | readonly string[]>>;

export type EvaluationRequest = {
  /** `service:Operation`, for example `s3:GetObject`. */
  readonly action: string;
  /** An ARN, or `*` for actions that have no resource. */
  readonly resource: string;
  readonly context: RequestContext;
};

export type PolicySource = {
  /** ARN of a managed policy, or name of an inline policy. */
  readonly id: string;
  readonly document: PolicyDocument;
};

/**
 * Policies that are evaluated together. An absent boundary or session layer restricts nothing. A layer that is present must also
 * allow the request, so an empty list allows nothing.
 */
export type IdentityPolicies = {
  readonly identity: readonly PolicySource[];
  readonly boundary?: readonly PolicySource[] | undefined;
  readonly session?: readonly PolicySource[] | undefined;
};

export type PolicyLayer = 'identity' | 'boundary' | 'session' | 'trust';

export type MatchedStatement = {
  readonly layer: PolicyLayer;
  /** The `id` of the source; `trust` for a trust policy. */
  readonly policy: string;
  /** Index in the document, from 0. */
  readonly statement: number;
  readonly sid?: string;
};

export type Evaluation = {
  readonly decision: 'allowed' | 'explicitDeny' | 'implicitDeny';
  /** Deciding statements: the denying ones, or the allowing ones of every layer; empty for an implicit deny. */
  readonly by: readonly MatchedStatement[];
  /** Evaluated layers that did not allow the request and thereby caused an implicit deny. */
  readonly notAllowedBy: readonly PolicyLayer[];
  /**
   * Condition keys that statements for this action and resource need and the request lacks, in their original spelling, sorted.
   */
  readonly missingContextKeys: readonly string[];
};

export type TrustRequest = {
  /** `sts:AssumeRole`, `sts:AssumeRoleWithWebIdentity`, … */
  readonly action: string;
  /** All ARNs and names of the caller. For an assumed role: session ARN and role ARN. */
  readonly principal: { readonly type: PrincipalType; readonly values: readonly string[] };
  readonly context: RequestContext;
};

export type TrustEvaluation = Evaluation & {
  /**
   * Whether the caller is allowed only because the trust policy names its account. If so, the caller's own policies must also allow
   * the call. False if the trust policy names the caller itself or everyone.
   */
  readonly delegatedToAccount: boolean;
  /** Names of the caller in the allowing statements; empty if everyone or only the account is named. */
  readonly names: readonly string[];
};
