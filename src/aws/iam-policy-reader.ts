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
  type Position,
} from '@aws-sdk/client-iam';
import { IdentityError } from '../identity/index.ts';
import { defined } from '../k8s/defined.ts';
import { senderOf, type Calls } from './calls.ts';
import { allPages } from './iam-paging.ts';

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
  const send = senderOf(iam, calls);
  return {
    async document(arn, signal) {
      try {
        const { Policy: policy } = await send(
          { action: 'GetPolicy', on: arn, read: true, signal },
          new GetPolicyCommand({ PolicyArn: arn }),
        );
        const VersionId = policy?.DefaultVersionId ?? '';
        const { PolicyVersion: version } = await send(
          { action: 'GetPolicyVersion', on: `${arn} ${VersionId}`, read: true, signal },
          new GetPolicyVersionCommand({ PolicyArn: arn, VersionId }),
        );
        return decodeURIComponent(version?.Document ?? '');
      } catch (error) {
        if (error instanceof IdentityError && error.code === 'PolicyNotFound') return undefined;
        throw error;
      }
    },

    async inlineDocument(role, policy, signal) {
      const { PolicyDocument: document } = await send(
        { action: 'GetRolePolicy', on: `${role} (${policy})`, read: true, signal },
        new GetRolePolicyCommand({ RoleName: role, PolicyName: policy }),
      );
      return decodeURIComponent(document ?? '');
    },

    async inlineDocuments(roles, signal) {
      const pages = await allPages(async (paging) => {
        const { RoleDetailList: listed = [], ...page } = await send(
          { action: 'GetAccountAuthorizationDetails', signal },
          new GetAccountAuthorizationDetailsCommand({ Filter: ['Role'], ...paging }),
        );
        // Only the documents of the requested roles are kept, which saves memory.
        const found = listed.filter(({ RoleName: role = '' }) => roles.has(role));
        return { ...page, found };
      });
      return new Map(
        pages
          .flatMap(({ found }) => found)
          .map(({ RoleName: role = '', RolePolicyList: policies = [] }) => [
            role,
            new Map(
              policies.map(({ PolicyName: name = '', PolicyDocument: document = '' }) => [
                name,
                decodeURIComponent(document),
              ]),
            ),
          ]),
      );
    },

    async ownArns(signal) {
      const pages = await allPages((paging) =>
        send(
          { action: 'ListPolicies', signal },
          new ListPoliciesCommand({ Scope: 'Local', MaxItems: 1000, ...paging }),
        ),
      );
      return pages.flatMap(({ Policies = [] }) => Policies.flatMap(({ Arn }) => Arn ?? [])).toSorted();
    },

    async simulate({ principalArn, actions, resources, context = {} }, signal) {
      const input = {
        PolicySourceArn: principalArn,
        ActionNames: [...actions],
        ResourceArns: [...resources],
        ContextEntries: Object.entries(context).map(([ContextKeyName, value]) => ({
          ContextKeyName,
          ContextKeyType: 'string' as const,
          ContextKeyValues: [value],
        })),
      };
      const pages = await allPages((paging) =>
        send(
          { action: 'SimulatePrincipalPolicy', on: principalArn, signal },
          new SimulatePrincipalPolicyCommand({ ...input, ...paging }),
        ),
      );
      return pages.flatMap(({ EvaluationResults = [] }) => EvaluationResults.map(decisionOf));
    },
  };
}

function decisionOf(result: EvaluationResult): Decision {
  return {
    action: result.EvalActionName ?? '',
    resource: result.EvalResourceName ?? '*',
    decision: result.EvalDecision ?? 'implicitDeny',
    by: (result.MatchedStatements ?? []).map(({ SourcePolicyId, StartPosition, EndPosition }) => ({
      source: SourcePolicyId ?? '',
      ...defined({ from: positionOf(StartPosition), to: positionOf(EndPosition) }),
    })),
    missingContextKeys: result.MissingContextValues ?? [],
    ...defined({
      allowedByBoundary: result.PermissionsBoundaryDecisionDetail?.AllowedByPermissionsBoundary,
      allowedByOrganizations: result.OrganizationsDecisionDetail?.AllowedByOrganizations,
    }),
  };
}

function positionOf({ Line: line, Column: column }: Position = {}): Decision['by'][number]['from'] {
  return line === undefined || column === undefined ? undefined : { line, column };
}
