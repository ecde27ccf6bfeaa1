/**
 * Reads policy documents from IAM, and simulates decisions of IAM for a role. Only commands use this reader, not the
 * operator.
 */
import {
  GetAccountAuthorizationDetailsCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRolePolicyCommand,
  ListPoliciesCommand,
  SimulatePrincipalPolicyCommand,
  type EvaluationResult,
  type IAMClient,
} from '@aws-sdk/client-iam';
import { IdentityError } from '../identity/index.ts';
import type { Calls } from './calls.ts';

export type Decision = {
  readonly action: string;
  readonly resource: string;
  readonly decision: 'allowed' | 'explicitDeny' | 'implicitDeny';
  /**
   * Statements that determined the decision. `source` is IAM's name of the policy. `from` and `to` are the statement's
   * position in the policy's text, if known.
   */
  readonly by: readonly {
    readonly source: string;
    /** Lines and columns start at 1. */
    readonly from?: { readonly line: number; readonly column: number };
    readonly to?: { readonly line: number; readonly column: number };
  }[];
  /** Condition keys that the decision depends on and that the request does not contain. */
  readonly missingContextKeys: readonly string[];
  /** Whether the permissions boundary allows the action. Undefined without a permissions boundary. */
  readonly allowedByBoundary?: boolean;
  /**
   * Whether the policies of the AWS organization allow the action. Undefined if the AWS account belongs to no
   * organization.
   */
  readonly allowedByOrganizations?: boolean;
};

/** Reader of policies. All methods reject with an IdentityError. */
export type PolicyReader = {
  /** Returns the document of a managed policy's default version, or undefined if the policy does not exist. */
  document(arn: string, signal?: AbortSignal): Promise<string | undefined>;
  inlineDocument(role: string, policy: string, signal?: AbortSignal): Promise<string>;
  /**
   * Returns the documents of the roles' inline policies, by role and policy name. Lists all roles of the AWS account.
   */
  inlineDocuments(
    roles: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>>;
  /** Returns the ARNs of the customer managed policies, sorted. Makes one call per thousand policies. */
  ownArns(signal?: AbortSignal): Promise<readonly string[]>;
  /** Returns one decision per action and resource. Source: IAM API Reference, SimulatePrincipalPolicy. */
  simulate(
    of: {
      readonly principalArn: string;
      readonly actions: readonly string[];
      readonly resources: readonly string[];
      /** Condition keys with the values that a real request would have. */
      readonly context?: Readonly<Record<string, string>>;
    },
    signal?: AbortSignal,
  ): Promise<readonly Decision[]>;
};

export function createIamPolicyReader({
  iam,
  calls,
}: {
  readonly iam: IAMClient;
  readonly calls: Calls;
}): PolicyReader {
  return {
    async document(arn, signal) {
      try {
        const { Policy: policy } = await calls(
          { action: 'GetPolicy', on: arn, read: true, signal },
          (attempt) => iam.send(new GetPolicyCommand({ PolicyArn: arn }), attempt),
        );
        const VersionId = policy?.DefaultVersionId ?? '';
        const { PolicyVersion: version } = await calls(
          { action: 'GetPolicyVersion', on: `${arn} ${VersionId}`, read: true, signal },
          (attempt) => iam.send(new GetPolicyVersionCommand({ PolicyArn: arn, VersionId }), attempt),
        );
        return decodeURIComponent(version?.Document ?? '');
      } catch (error) {
        if (error instanceof IdentityError && error.code === 'PolicyNotFound') return undefined;
        throw error;
      }
    },

    async inlineDocument(role, policy, signal) {
      const { PolicyDocument: document } = await calls(
        { action: 'GetRolePolicy', on: `${role} (${policy})`, read: true, signal },
        (attempt) => iam.send(new GetRolePolicyCommand({ RoleName: role, PolicyName: policy }), attempt),
      );
      return decodeURIComponent(document ?? '');
    },

    async inlineDocuments(roles, signal) {
      const found = new Map<string, ReadonlyMap<string, string>>();
      let marker: string | undefined;
      do {
        const page = await calls({ action: 'GetAccountAuthorizationDetails', signal }, (attempt) =>
          iam.send(
            new GetAccountAuthorizationDetailsCommand({
              Filter: ['Role'],
              ...(marker === undefined ? {} : { Marker: marker }),
            }),
            attempt,
          ),
        );
        for (const { RoleName: role = '', RolePolicyList: policies = [] } of page.RoleDetailList ?? [])
          if (roles.has(role))
            found.set(
              role,
              new Map(
                policies.map(({ PolicyName: name = '', PolicyDocument: document = '' }) => [
                  name,
                  decodeURIComponent(document),
                ]),
              ),
            );
        marker = page.IsTruncated === true ? page.Marker : undefined;
      } while (marker !== undefined);
      return found;
    },

    async ownArns(signal) {
      const arns: string[] = [];
      let marker: string | undefined;
      do {
        const page = await calls({ action: 'ListPolicies', signal }, (attempt) =>
          iam.send(
            new ListPoliciesCommand({
              Scope: 'Local',
              MaxItems: 1000,
              ...(marker === undefined ? {} : { Marker: marker }),
            }),
            attempt,
          ),
        );
        arns.push(...(page.Policies ?? []).flatMap(({ Arn }) => Arn ?? []));
        marker = page.IsTruncated === true ? page.Marker : undefined;
      } while (marker !== undefined);
      return arns.toSorted();
    },

    async simulate({ principalArn, actions, resources, context = {} }, signal) {
      const decisions: Decision[] = [];
      let marker: string | undefined;
      do {
        const page = await calls({ action: 'SimulatePrincipalPolicy', on: principalArn, signal }, (attempt) =>
          iam.send(
            new SimulatePrincipalPolicyCommand({
              PolicySourceArn: principalArn,
              ActionNames: [...actions],
              ResourceArns: [...resources],
              ContextEntries: Object.entries(context).map(([ContextKeyName, value]) => ({
                ContextKeyName,
                ContextKeyType: 'string',
                ContextKeyValues: [value],
              })),
              ...(marker === undefined ? {} : { Marker: marker }),
            }),
            attempt,
          ),
        );
        decisions.push(...(page.EvaluationResults ?? []).map(decisionOf));
        marker = page.IsTruncated === true ? page.Marker : undefined;
      } while (marker !== undefined);
      return decisions;
    },
  };
}

function decisionOf(result: EvaluationResult): Decision {
  const boundary = result.PermissionsBoundaryDecisionDetail?.AllowedByPermissionsBoundary;
  const organizations = result.OrganizationsDecisionDetail?.AllowedByOrganizations;
  return {
    action: result.EvalActionName ?? '',
    resource: result.EvalResourceName ?? '*',
    decision: result.EvalDecision ?? 'implicitDeny',
    by: (result.MatchedStatements ?? []).map(({ SourcePolicyId, StartPosition, EndPosition }) => ({
      source: SourcePolicyId ?? '',
      ...position('from', StartPosition),
      ...position('to', EndPosition),
    })),
    missingContextKeys: result.MissingContextValues ?? [],
    ...(boundary === undefined ? {} : { allowedByBoundary: boundary }),
    ...(organizations === undefined ? {} : { allowedByOrganizations: organizations }),
  };
}

function position<K extends string>(
  key: K,
  at: { Line?: number | undefined; Column?: number | undefined } | undefined,
): { [P in K]?: { line: number; column: number } } {
  return at?.Line === undefined || at.Column === undefined
    ? {}
    : ({ [key]: { line: at.Line, column: at.Column } } as { [P in K]: { line: number; column: number } });
}
