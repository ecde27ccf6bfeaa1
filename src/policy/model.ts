/**
 * Types for the evaluation of policies: parsed documents, requests and decisions. These types are separate from parsing
 * and evaluation, so that the services of the emulator can import the types alone.
 */
import type { ConditionOperator } from './operators.ts';

/**
 * Purpose of a policy document. `managed` and `session` are identity policies with one additional rule each: a managed
 * policy must have version 2012-10-17, and a session policy needs complete ARNs. A session policy is passed to an
 * AssumeRole call.
 */
export type PolicyKind = 'identity' | 'managed' | 'session' | 'trust';

/** Policy document whose grammar and values were checked. The statements are in the order of the text. */
export type PolicyDocument = {
  readonly version: '2008-10-17' | '2012-10-17';
  readonly id?: string;
  readonly statements: readonly PolicyStatement[];
};

export type PolicyStatement = {
  readonly sid?: string;
  readonly effect: 'Allow' | 'Deny';
  /** Principal of the statement. Present in every trust policy, and in no other policy. */
  readonly principal?: PolicyPrincipal;
  readonly action: PatternSet;
  /** Resources of the statement. Absent in every trust policy, and present in all other policies. */
  readonly resource?: PatternSet;
  /** Conditions, all of which must hold. */
  readonly conditions: readonly PolicyCondition[];
};

/** Patterns of `Action` or `Resource`, or of `NotAction` or `NotResource` (negated). */
export type PatternSet = { readonly negated: boolean; readonly patterns: readonly string[] };

export type PrincipalType = 'AWS' | 'Federated' | 'Service';

/** Principal of a trust policy. `anyone` stands for `"Principal": "*"`. */
export type PolicyPrincipal =
  | { readonly kind: 'anyone' }
  | {
      readonly kind: 'listed';
      readonly entries: readonly { readonly type: PrincipalType; readonly value: string }[];
    };

/** Condition that applies one operator to one key. Several values are alternatives. */
export type PolicyCondition = {
  readonly operator: ConditionOperator;
  /** Condition key in its original spelling. Keys are compared case-insensitively. */
  readonly key: string;
  readonly values: readonly string[];
};

/** Values of the condition keys in a request. Keys are compared case-insensitively. */
export type RequestContext = Readonly<Record<string, string | readonly string[]>>;

export type EvaluationRequest = {
  /** Action in the form `service:Operation`, for example `s3:GetObject`. */
  readonly action: string;
  /** Resource as an ARN, or `*` for an action without a resource. */
  readonly resource: string;
  readonly context: RequestContext;
};

export type PolicySource = {
  /** ARN of a managed policy, or name of an inline policy. */
  readonly id: string;
  readonly document: PolicyDocument;
};

/**
 * Policies that are evaluated together. An absent boundary or session layer restricts nothing. A layer that is present
 * must also allow the request, so a present but empty layer allows nothing.
 */
export type IdentityPolicies = {
  readonly identity: readonly PolicySource[];
  readonly boundary?: readonly PolicySource[] | undefined;
  readonly session?: readonly PolicySource[] | undefined;
};

export type PolicyLayer = 'identity' | 'boundary' | 'session' | 'trust';

export type MatchedStatement = {
  readonly layer: PolicyLayer;
  /** `id` of the policy's source. `trust` for a trust policy. */
  readonly policy: string;
  /** Index of the statement in the document, starting at 0. */
  readonly statement: number;
  readonly sid?: string;
};

export type Evaluation = {
  readonly decision: 'allowed' | 'explicitDeny' | 'implicitDeny';
  /**
   * Statements that decided: the denying statements, or the allowing statements of every layer. Empty for an implicit
   * deny.
   */
  readonly by: readonly MatchedStatement[];
  /** Layers that did not allow the request and thereby caused an implicit deny. */
  readonly notAllowedBy: readonly PolicyLayer[];
  /**
   * Condition keys that the request lacks, although statements that match its action and resource need them. Sorted, in
   * the original spelling.
   */
  readonly missingContextKeys: readonly string[];
};

export type TrustRequest = {
  /** Action such as `sts:AssumeRole` or `sts:AssumeRoleWithWebIdentity`. */
  readonly action: string;
  /**
   * Type of the caller, and all ARNs and names of the caller. For an assumed role, these are the session ARN and the
   * role ARN.
   */
  readonly principal: { readonly type: PrincipalType; readonly values: readonly string[] };
  readonly context: RequestContext;
};

export type TrustEvaluation = Evaluation & {
  /**
   * Whether the caller is allowed only because the trust policy names the caller's AWS account. If so, the caller's own
   * policies must also allow the call. False if the trust policy names the caller or everyone.
   */
  readonly delegatedToAccount: boolean;
  /**
   * ARNs and names of the caller that the allowing statements list as principals. Empty if these statements name only
   * the caller's AWS account or everyone.
   */
  readonly names: readonly string[];
};
