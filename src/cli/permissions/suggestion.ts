/**
 * Suggests a smaller set of policies and statements for an account, from IAM's last accessed information. The
 * suggestion omits only permissions that IAM reports as unused, and never allows more than the account allows today.
 * Pure.
 */
import {
  linkedServiceAccountSpec,
  type LinkedServiceAccount,
  type LinkedServiceAccountSpec,
  type PermissionStatement,
} from '../../api/linked-service-account.ts';
import { matchesPattern } from '../../identity/desired/arn.ts';
import { policyEntries } from '../../identity/desired/policy-entries.ts';
import { isPolicyName, policyArnOf, policyLists, policyNameOf } from '../../identity/desired/policy-names.ts';
import { desiredBoundary } from '../../identity/desired/role.ts';
import { desiredStatements } from '../../identity/desired/statements.ts';
import type { ClusterFacts } from '../../identity/state/world.ts';
import { covers, grantsOf, grantsOfStatements } from '../../policy/coverage.ts';
import { parsePolicyDocument } from '../../policy/document.ts';
import type { Usage } from '../../policy/last-accessed.ts';
import type { PolicyDocument } from '../../policy/model.ts';
import { narrowDocument, narrowStatements, type Narrowed, type Reference } from '../../policy/narrow.ts';

/** AWS managed policy that can replace a larger one. */
export type CataloguePolicy = { readonly arn: string; readonly document: string };

export type SuggestionInput = {
  readonly account: LinkedServiceAccount;
  readonly facts: ClusterFacts;
  /** Text of each policy that could be read. The key is the policy's ARN. */
  readonly documents: ReadonlyMap<string, string>;
  readonly usage: Usage;
  readonly reference: Reference;
  /** Returns the AWS managed policies of the cluster's partition. Called only if a smaller policy may suffice. */
  readonly catalogue: () => readonly CataloguePolicy[];
};

export type PolicyAdvice = {
  /** The policy as the account lists it. */
  readonly policy: string;
  /**
   * - `keep`: the policy stays
   * - `remove`: none of its actions is used
   * - `replace`: a smaller AWS managed policy, `by`, allows all actions of this policy that may be in use
   * - `narrow`: statements in the account's spec can allow the actions of this policy that may be in use
   */
  readonly advice: 'keep' | 'remove' | 'replace' | 'narrow';
  readonly by?: string;
  readonly reason: string;
  /**
   * Number of actions that the policy allows, and number of these actions that may be in use. Both are absent if the
   * policy could not be read.
   */
  readonly allowedActions?: number;
  readonly actionsThatMayBeUsed?: number;
  readonly unusedServices: readonly string[];
};

export type StatementAdvice = {
  /** Name of the statement: its `sid`, or its position as `statements[0]`. */
  readonly statement: string;
  readonly advice: 'keep' | 'remove' | 'narrow';
  readonly removedActions: readonly string[];
};

export type Suggestion = {
  readonly policies: readonly PolicyAdvice[];
  readonly statements: readonly StatementAdvice[];
  /** Spec of the account with all advice applied; undefined if nothing changes. */
  readonly proposed?: LinkedServiceAccountSpec;
};

/**
 * A policy is replaced or narrowed only if at most this share of its actions may be in use. A replacement allows at
 * most this share of the number of actions that the replaced policy allows.
 */
const worthwhile = 0.5;

type Examined = { readonly entry: string; readonly arn: string } & (
  | { readonly kind: 'kept'; readonly reason: string; readonly narrowed?: Narrowed }
  | { readonly kind: 'unused' | 'small'; readonly document: PolicyDocument; readonly narrowed: Narrowed }
);

export function suggest(input: SuggestionInput): Suggestion {
  const { account, facts, usage, reference } = input;
  const { aws } = account.spec;
  const examined = policyEntries(aws).map((entry) => examine(entry, input));
  const own = aws.statements ?? [];
  const statements = own.map((statement, index) => statementAdvice(statement, index, usage, reference));
  const narrowedOwn = narrowStatements(own, usage, reference);
  const policies: PolicyAdvice[] = [];
  let added: readonly PermissionStatement[] = [];
  type Advice = Omit<PolicyAdvice, 'policy' | 'unusedServices'>;
  const adviceOn = (each: Examined): Advice & { readonly more?: readonly PermissionStatement[] } => {
    if (each.kind === 'kept') return { advice: 'keep', reason: each.reason };
    if (each.kind === 'unused') return { advice: 'remove', reason: 'none of its actions is used' };
    const part = `${each.narrowed.mayBeUsed.size} of its ${each.narrowed.allowed.size} actions may be in use`;
    const smaller = smallerPolicy(each.document, each.narrowed, input);
    if (smaller !== undefined) {
      const by = isPolicyName(each.entry) ? (policyNameOf(smaller, facts) ?? smaller) : smaller;
      return { advice: 'replace', by, reason: `${part}, and ${by} allows them` };
    }
    const more = each.narrowed.statements;
    if (more === 'inexpressible')
      return {
        advice: 'keep',
        reason: `${part}, but the policy has elements that statements of an account cannot express`,
      };
    const problem = problemOf(account, [...narrowedOwn, ...added, ...more], facts);
    if (problem !== undefined) return { advice: 'keep', reason: `${part}, but ${problem}` };
    return { advice: 'narrow', reason: `${part}, which statements allow`, more };
  };
  for (const each of examined) {
    const { entry: policy, narrowed } = each;
    const same = policies[examined.findIndex(({ arn }) => arn === each.arn)];
    if (same) {
      policies.push({ ...same, policy });
      continue;
    }
    const { more = [], ...advice } = adviceOn(each);
    added = [...added, ...more];
    policies.push({
      policy,
      unusedServices: narrowed?.unusedServices ?? [],
      ...(narrowed
        ? { allowedActions: narrowed.allowed.size, actionsThatMayBeUsed: narrowed.mayBeUsed.size }
        : {}),
      ...advice,
    });
  }
  const isChanged =
    policies.some(({ advice }) => advice !== 'keep') || statements.some(({ advice }) => advice !== 'keep');
  return {
    policies,
    statements,
    ...(isChanged ? { proposed: proposedSpec(account, policies, [...narrowedOwn, ...added]) } : {}),
  };
}

function examine(entry: string, { facts, documents, usage, reference }: SuggestionInput): Examined {
  const arn = isPolicyName(entry) ? policyArnOf(entry, facts) : entry;
  const kept = (reason: string, narrowed?: Narrowed): Examined => ({
    entry,
    arn,
    kind: 'kept',
    reason,
    ...(narrowed ? { narrowed } : {}),
  });
  const text = documents.get(arn);
  if (text === undefined) return kept('the policy could not be read');
  const parsed = parsePolicyDocument(text, 'identity');
  if (!parsed.ok) return kept(`the policy could not be evaluated: ${parsed.message}`);
  const { document } = parsed;
  const narrowed = narrowDocument(document, usage, reference);
  const [used, all] = [narrowed.mayBeUsed.size, narrowed.allowed.size];
  if (narrowed.denies)
    return kept('the policy denies actions, and another policy possibly allows these actions', narrowed);
  if (used === 0) return { entry, arn, kind: 'unused', document, narrowed };
  if (used > worthwhile * all) return kept(`${used} of its ${all} actions may be in use`, narrowed);
  return { entry, arn, kind: 'small', document, narrowed };
}

function statementAdvice(
  statement: PermissionStatement,
  index: number,
  usage: Usage,
  reference: Reference,
): StatementAdvice {
  const [narrowed] = narrowStatements([statement], usage, reference);
  const removedActions = statement.actions.filter((action) => narrowed?.actions.includes(action) !== true);
  return {
    statement: statement.sid ?? `statements[${index}]`,
    advice: narrowed === undefined ? 'remove' : removedActions.length > 0 ? 'narrow' : 'keep',
    removedActions,
  };
}

/**
 * Considers the AWS managed policies that allow everything that may be in use and nothing that `document` does not
 * allow. Returns the ARN of the policy with the fewest actions.
 */
function smallerPolicy(
  document: PolicyDocument,
  { statements, allowed, mayBeUsed }: Narrowed,
  { facts: { allowedPolicyArns }, catalogue, usage, reference }: SuggestionInput,
): string | undefined {
  const today = grantsOf(document);
  if (today === undefined || statements === 'inexpressible') return undefined;
  const needed = grantsOfStatements(statements);
  const prefixes = [...new Set([...mayBeUsed].map((name) => `"${name.slice(0, name.indexOf(':') + 1)}`))];
  const found = catalogue().flatMap(({ arn, document: text }) => {
    // Roles of an account cannot have a policy of a service-linked role.
    if (arn.includes(':policy/aws-service-role/')) return [];
    if (allowedPolicyArns && !allowedPolicyArns.some((pattern) => matchesPattern(arn, pattern))) return [];
    if (!prefixes.every((prefix) => text.includes(prefix))) return [];
    const parsed = parsePolicyDocument(text, 'managed');
    const grants = parsed.ok ? grantsOf(parsed.document) : undefined;
    if (!parsed.ok || !grants || !covers(today, grants) || !covers(grants, needed)) return [];
    const { size } = narrowDocument(parsed.document, usage, reference).allowed;
    return size <= worthwhile * allowed.size ? [{ arn, size }] : [];
  });
  return found.toSorted((left, right) => left.size - right.size)[0]?.arn;
}

/** Returns the reason why the account cannot have the statements, or undefined. */
function problemOf(
  account: LinkedServiceAccount,
  statements: readonly PermissionStatement[],
  facts: ClusterFacts,
): string | undefined {
  const { spec } = account;
  const changed = { ...account, spec: { ...spec, aws: { ...spec.aws, statements: [...statements] } } };
  if (!linkedServiceAccountSpec.safeParse(changed.spec).success)
    return 'an account cannot have so many statements';
  const desired = desiredStatements(changed, facts, desiredBoundary(account, facts));
  return desired.kind === 'refused' ? desired.problem.message : undefined;
}

function proposedSpec(
  { spec }: LinkedServiceAccount,
  policies: readonly PolicyAdvice[],
  statements: readonly PermissionStatement[],
): LinkedServiceAccountSpec {
  const { policyArns: _arns, policyNames: _names, statements: _statements, ...aws } = spec.aws;
  const entries = policies.flatMap(({ policy, advice, by }) =>
    advice === 'keep' ? [policy] : by === undefined ? [] : [by],
  );
  return {
    ...spec,
    aws: {
      ...policyLists([...new Set(entries)]),
      ...aws,
      ...(statements.length > 0 ? { statements: [...statements] } : {}),
    },
  };
}
