/**
 * Statements of an account: permissions that are written out in its spec. The statements become the inline policy
 * `konstellation` of each of the account's roles. This module renders and checks the policy without a call to AWS.
 */
import type { LinkedServiceAccount, PermissionStatement } from '../../api/index.ts';
import { formatTime, type Wall } from '../../k8s/time.ts';
import { parsePolicyDocument } from '../../policy/document.ts';
import type { Problem, ClusterFacts, ObservedRole } from '../state/world.ts';
import { hasId } from './documents.ts';
import { limitsNothing } from './operator-fence.ts';
import { hasPodDenial, podDenialName } from './pod-denial.ts';
import { largestInlinePolicy } from './operator-policy.ts';

/** Name of the inline policy with the statements. Only the operator writes an inline policy of this name to an account's role. */
export const inlinePolicyName = 'konstellation';

/**
 * `Id` of the policy document. If an account has no statements, others may have added a policy of the same name to its
 * role. The `Id` distinguishes the operator's policy from such a policy.
 */
const documentId = 'k11n.dev/statements';

export type StatementScope = Pick<ClusterFacts, 'partition' | 'region' | 'accountId' | 'name'>;

/**
 * - `none`: the account has no statements
 * - `refused`: the statements must not be written; the inline policy stays as it was
 */
export type DesiredStatements =
  | { readonly kind: 'none' }
  | { readonly kind: 'document'; readonly document: string }
  | { readonly kind: 'refused'; readonly problem: Problem };

/** @param boundaryArn the desired permissions boundary of the role */
export function desiredStatements(
  { spec }: LinkedServiceAccount,
  facts: StatementScope & Pick<ClusterFacts, 'allowsStatements' | 'configName'>,
  boundaryArn: string | undefined,
): DesiredStatements {
  const { statements = [] } = spec.aws;
  if (statements.length === 0) return { kind: 'none' };
  const refused = (reason: Problem['reason'], message: string): DesiredStatements => ({
    kind: 'refused',
    problem: { reason, message },
  });
  if (!facts.allowsStatements)
    return refused(
      'StatementsNotAllowed',
      `the ClusterConfig "${facts.configName}" does not allow statements; set spec.aws.allowStatements`,
    );
  if (boundaryArn === undefined)
    return refused(
      'BoundaryRequired',
      `statements need a permissions boundary, and the role has none; set permissionsBoundaryArn in the account or the ClusterConfig "${facts.configName}"`,
    );
  if (limitsNothing(boundaryArn))
    return refused(
      'BoundaryRequired',
      `statements need a permissions boundary that limits them, and ${boundaryArn} limits nothing`,
    );
  const problems = statementProblems(statements, facts);
  if (problems.length > 0) return refused('StatementsInvalid', inBrief(problems));
  return { kind: 'document', document: statementsDocument(statements, facts) };
}

/** Maximum number of problems in a status message. */
const shownProblems = 5;

function inBrief(problems: readonly string[]): string {
  const more = problems.length - shownProblems;
  return problems.slice(0, shownProblems).join('; ') + (more > 0 ? `; and ${more} more` : '');
}

/**
 * Placeholders in resources and condition values, such as `$(account)`. IAM's own policy variables have braces instead, such as
 * `${aws:PrincipalTag/team}`, and are kept.
 */
const placeholder = /\$\(([^)]*)\)/g;

function valuesOf({ partition, region, accountId, name }: StatementScope): Readonly<Record<string, string>> {
  return { partition, region, account: accountId, cluster: name };
}

function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(placeholder, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? whole) : whole,
  );
}

/** Time in the form of IAM's date operators, rounded down to seconds; undefined if the text is not a time. */
function timeOf(until: string): string | undefined {
  const time = Date.parse(until);
  return Number.isNaN(time) ? undefined : formatTime(time as Wall);
}

/**
 * Renders the document of the inline policy, without white space.
 *
 * @param statements at least one, because IAM accepts no policy without a statement
 */
export function statementsDocument(
  statements: readonly PermissionStatement[],
  scope: StatementScope,
): string {
  const values = valuesOf(scope);
  return JSON.stringify({
    Version: '2012-10-17',
    Id: documentId,
    Statement: statements.map(({ sid, actions, resources, conditions, until }) => {
      const given = Object.entries(conditions ?? {}).map(([operator, keys]): [string, object] => [
        operator,
        Object.fromEntries(
          Object.entries(keys).map(([key, list]) => [key, list.map((value) => filled(value, values))]),
        ),
      ]);
      const condition: Record<string, object> = Object.fromEntries(given);
      if (until !== undefined)
        condition['DateLessThan'] = { ...condition['DateLessThan'], 'aws:CurrentTime': timeOf(until) };
      return {
        ...(sid === undefined ? {} : { Sid: sid }),
        Effect: 'Allow',
        Action: actions,
        Resource: resources.map((resource) => filled(resource, values)),
        ...(Object.keys(condition).length > 0 ? { Condition: condition } : {}),
      };
    }),
  });
}

/**
 * Reasons why the operator does not write the statements: IAM would reject them, or they allow everything. Each message names the
 * statement.
 */
export function statementProblems(
  statements: readonly PermissionStatement[],
  scope: StatementScope,
): readonly string[] {
  if (statements.length === 0) return [];
  const values = valuesOf(scope);
  const problems: string[] = [];
  for (const [index, statement] of statements.entries()) {
    const where = statement.sid === undefined ? `statements[${index}]` : `statement "${statement.sid}"`;
    const texts = [
      ...statement.resources,
      ...Object.values(statement.conditions ?? {}).flatMap((keys) => Object.values(keys).flat()),
    ];
    for (const text of texts)
      for (const [whole, name = ''] of text.matchAll(placeholder))
        if (!Object.hasOwn(values, name))
          problems.push(
            `${where}: ${whole} is not a placeholder; the placeholders are ${Object.keys(values)
              .map((each) => `$(${each})`)
              .join(', ')}`,
          );
    if (statement.actions.includes('*') && statement.resources.includes('*'))
      problems.push(`${where}: the statement allows every action on every resource; name the services`);
    if (statement.until !== undefined && timeOf(statement.until) === undefined)
      problems.push(`${where}: the field "until" has the value "${statement.until}", which is not a time`);
    if (statement.until !== undefined && 'aws:CurrentTime' in (statement.conditions?.['DateLessThan'] ?? {}))
      problems.push(
        `${where}: the field "until" cannot be combined with a DateLessThan condition on aws:CurrentTime`,
      );
    const alone = parsePolicyDocument(statementsDocument([statement], scope), 'identity');
    if (!alone.ok) problems.push(`${where}: ${alone.message}`);
  }
  if (problems.length > 0) return problems;
  const document = statementsDocument(statements, scope);
  const together = parsePolicyDocument(document, 'identity');
  if (!together.ok) problems.push(together.message);
  const size = document.replaceAll(/\s/g, '').length;
  if (size > largestInlinePolicy)
    problems.push(
      `the inline policy has ${size} characters, and IAM allows ${largestInlinePolicy}; use wildcards, or a managed policy`,
    );
  return problems;
}

/** Whether the role has an inline policy that the operator wrote for statements. */
export function hasStatements({ inlinePolicy }: Pick<ObservedRole, 'inlinePolicy'>): boolean {
  return hasId(inlinePolicy, documentId);
}

/** Names of the inline policies that others put on the role. */
export function foreignInlinePolicies(
  role: Pick<ObservedRole, 'inlinePolicy' | 'podDenial' | 'inlinePolicyNames'>,
): readonly string[] {
  return role.inlinePolicyNames.filter(
    (name) =>
      !(name === inlinePolicyName && hasStatements(role)) && !(name === podDenialName && hasPodDenial(role)),
  );
}
