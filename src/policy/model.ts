/**
 * Types of policy evaluation: parsed documents, requests and decisions. Separate from parsing and evaluation, so that
 * the services of the emulator can use them without either.
 */

/**
 * Purpose of a document. `managed` and `session` are identity policies with a rule more each: a managed policy has to be of version
 * 2012-10-17, and a session policy, passed to an AssumeRole call, needs complete ARNs.
 */
export type PolicyKind = 'identity' | 'managed' | 'session' | 'trust';

/** A policy document whose grammar and values have been checked. Statements keep the order of the text. */
export type PolicyDocument = {
  readonly version: '2008-10-17' | '2012-10-17';
  readonly id?: string;
  readonly statements: readonly PolicyStatement[];
};

export type PolicyStatement = {
  readonly sid?: string;
  readonly effect: 'Allow' | 'Deny';
  /** Present exactly in trust policies. */
  readonly principal?: PolicyPrincipal;
  readonly action: PatternSet;
  /** Absent exactly in trust policies. */
  readonly resource?: PatternSet;
  /** All must hold. */
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
  /** As written; compared without regard to case. */
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

/** Condition keys with their values; keys are compared without regard to case. */
export type RequestContext = Readonly<Record<string, string | readonly string[]>>;

export type EvaluationRequest = {
  /** `service:Operation`, for example `s3:GetObject`. */
  readonly action: string;
  /** An ARN, or `*` for actions that have no resource. */
  readonly resource: string;
  readonly context: RequestContext;
};

export type PolicySource = {
  /** ARN of a managed policy, name of an inline one. */
  readonly id: string;
  readonly document: PolicyDocument;
};

/**
 * The policies that decide together. An absent boundary or session restricts nothing; a present one must allow too,
 * so an empty list allows nothing.
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
  /** The statements that decided: the denying ones, or the allowing ones of every layer; empty for an implicit deny. */
  readonly by: readonly MatchedStatement[];
  /** Layers that were asked and allowed nothing; says why an implicit deny is one. */
  readonly notAllowedBy: readonly PolicyLayer[];
  /** Condition keys of statements for this action and resource that the request lacks, as written, sorted. */
  readonly missingContextKeys: readonly string[];
};

export type TrustRequest = {
  /** `sts:AssumeRole`, `sts:AssumeRoleWithWebIdentity`, … */
  readonly action: string;
  /** All ARNs and names of the caller: for an assumed role its session ARN and its role ARN. */
  readonly principal: { readonly type: PrincipalType; readonly values: readonly string[] };
  readonly context: RequestContext;
};

export type TrustEvaluation = Evaluation & {
  /**
   * True when the caller is allowed only because its account is named: its own policies must then allow the call too.
   * False when the caller itself, or everyone, is named.
   */
  readonly delegatedToAccount: boolean;
  /** Names of the caller in the statements that allow; empty when everyone or only the account is named. */
  readonly names: readonly string[];
};
