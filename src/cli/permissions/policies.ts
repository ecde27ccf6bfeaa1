/**
 * Reads policy documents, and completes names of IAM actions. AWS credentials are used in the process of `kon` only,
 * and only for reads.
 */
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { managedPolicies, managedPolicy } from '../../aws/catalogue/catalogue.ts';
import { roleNameOf } from '../../identity/desired/arn.ts';
import { podDenialName } from '../../identity/desired/pod-denial.ts';
import { isPolicyName, policyArnOf } from '../../identity/desired/policy-names.ts';
import { desiredBoundary, desiredTags } from '../../identity/desired/role.ts';
import { desiredStatements, inlinePolicyName } from '../../identity/desired/statements.ts';
import type { ClusterFacts } from '../../identity/state/world.ts';
import { findCondition } from '../../k8s/conditions.ts';
import type { RequestContext } from '../../policy/model.ts';
import { withAws } from '../aws/session.ts';
import { getClusterFacts } from '../cluster/cluster-config.ts';
import { policyRows } from '../commands/account/show/policy-rows.ts';
import type { CliContext } from '../framework/context.ts';
import { CliError, usageError } from '../framework/errors.ts';
import type { AccountWithPolicies } from './who-can.ts';
import type { PolicyDocument } from '../console/wire.ts';

/** `hasAws`: whether this process may call AWS with its own credentials. */
export type PolicyReading = { readonly context: CliContext; readonly hasAws: boolean };

/**
 * Keys of the session tags that EKS Pod Identity sets. These tags override role tags with the same keys. Source: EKS
 * User Guide, "Session tags".
 */
const sessionTagKeys = /^(eks-cluster-(arn|name)|kubernetes-(namespace|service-account|pod-name|pod-uid))$/i;

/** Used while the ClusterConfig is unknown: placeholder for the boundary that the ClusterConfig may set. */
const unknownBoundary = 'the permissions boundary of the ClusterConfig';

/**
 * Returns the policies, boundary and known request context of an account. The account's own statements count as one
 * policy, named by `statementsName`.
 * @param facts undefined while the cluster has no ready ClusterConfig
 * @param now milliseconds since the epoch
 */
export function policiesOf(
  account: LinkedServiceAccount,
  facts: ClusterFacts | undefined,
  now: number,
): AccountWithPolicies {
  const boundary = desiredBoundary(account, facts ?? { permissionsBoundaryArn: unknownBoundary });
  const rows = policyRows(account).map(({ arn, attached }) => ({
    arn: facts && isPolicyName(arn) ? policyArnOf(arn, facts) : arn,
    attached,
  }));
  const { statements = [] } = account.spec.aws;
  return {
    name: account.metadata.name,
    policies: [
      ...new Set([
        ...rows.map(({ arn }) => arn),
        ...(statements.length > 0 ? [statementsName(account)] : []),
      ]),
    ],
    detached: [
      ...rows.flatMap(({ arn, attached }) => (attached ? [] : [arn])),
      ...(account.status?.statements?.applied === true ? [] : [statementsName(account)]),
    ],
    ...(boundary === undefined ? {} : { boundary }),
    context: facts ? contextOf(account, facts, now) : {},
    isQuarantined: findCondition(account.status?.conditions, 'Ready')?.reason === 'Quarantined',
  };
}

/**
 * Known context keys of every request from the account's pods. Source: IAM User Guide, "AWS global condition context
 * keys".
 */
function contextOf(account: LinkedServiceAccount, facts: ClusterFacts, now: number): RequestContext {
  const { roleArn } = account.status ?? {};
  const tags = Object.entries(desiredTags(account, facts)).filter(([key]) => !sessionTagKeys.test(key));
  return {
    'aws:PrincipalAccount': facts.accountId,
    'aws:PrincipalType': 'AssumedRole',
    'aws:CurrentTime': new Date(now).toISOString(),
    'aws:EpochTime': String(Math.floor(now / 1000)),
    ...(roleArn === undefined ? {} : { 'aws:PrincipalArn': roleArn }),
    ...Object.fromEntries(tags.map(([key, value]) => [`aws:PrincipalTag/${key}`, value])),
  };
}

const statementsName = (account: LinkedServiceAccount): string => `statements of ${account.metadata.name}`;

/**
 * Returns the policy documents that the operator writes for the accounts' own statements. Statements that the operator
 * refuses have no document.
 */
export function statementDocuments(
  accounts: readonly LinkedServiceAccount[],
  facts: ClusterFacts | undefined,
): ReadonlyMap<string, string> {
  if (!facts) return new Map();
  return new Map(
    accounts.flatMap((account) => {
      const desired = desiredStatements(account, facts, desiredBoundary(account, facts));
      return desired.kind === 'document' ? [[statementsName(account), desired.document] as const] : [];
    }),
  );
}

/**
 * Whether the text names the policy.
 * @param text an ARN, a name such as `aws/ReadOnlyAccess`, or the last part of an ARN
 * @param facts undefined while the cluster has no ready ClusterConfig; names with a prefix then match no policy
 */
export function namesPolicy(text: string, arn: string, facts: ClusterFacts | undefined): boolean {
  if (!arn.startsWith('arn:')) return false;
  if (facts && isPolicyName(text)) return policyArnOf(text, facts) === arn;
  return arn === text || arn.endsWith(`/${text}`);
}

/**
 * Finds the ARN of the policy that the user names, among the policies of the accounts.
 * @throws CliError of code NOT_FOUND if no account has the policy, of code USAGE if several policies have this name
 */
export function policyNamed(
  text: string,
  accounts: readonly AccountWithPolicies[],
  facts: ClusterFacts | undefined,
): string {
  const known = new Set(accounts.flatMap(({ policies }) => policies));
  const found = [...known].filter((arn) => namesPolicy(text, arn, facts));
  const [arn] = found;
  if (arn === undefined)
    throw new CliError('NOT_FOUND', `no account has the policy "${text}"`, {
      next: ['List the policies of the accounts: kon account list -o wide'],
    });
  if (found.length > 1)
    throw usageError(`several policies are named "${text}"`, `Pass one of ${found.join(', ')}`);
  return arn;
}

/**
 * Reads AWS managed policies from the catalogue that ships with `kon`, and other policies from IAM.
 * @throws CliError of code NOT_FOUND for a policy that no account lists
 */
export async function policyDocument(
  arn: string,
  accounts: readonly LinkedServiceAccount[],
  facts: ClusterFacts | undefined,
  { context, hasAws }: PolicyReading,
): Promise<PolicyDocument> {
  const isListed = accounts
    .map((account) => policiesOf(account, facts, context.now()))
    .some(({ policies, boundary }) => policies.includes(arn) || boundary === arn);
  if (!isListed) throw new CliError('NOT_FOUND', `no account lists the policy ${arn}`);
  const known = fromCatalogue(arn);
  if (known !== undefined) return { arn, source: 'catalogue', document: known };
  if (!hasAws)
    throw new CliError('AWS_UNAUTHENTICATED', 'the console in the cluster has no AWS credentials', {
      next: [`Read the policy on your machine: aws iam get-policy --policy-arn ${arn}`],
    });
  const { region } = await getClusterFacts(await context.connect());
  const document = await withAws(context, region, (aws) => aws.policies.document(arn, context.signal));
  if (document === undefined) throw new CliError('NOT_FOUND', `IAM has no policy ${arn}`);
  return { arn, source: 'IAM', document };
}

/** Returns the documents of the policies that can be read, by ARN. */
export async function policyDocuments(
  arns: readonly string[],
  { context, hasAws }: PolicyReading,
): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  const unknown: string[] = [];
  for (const arn of new Set(arns.filter((name) => name.startsWith('arn:')))) {
    const known = fromCatalogue(arn);
    if (known === undefined) unknown.push(arn);
    else texts.set(arn, known);
  }
  if (!hasAws || unknown.length === 0) return texts;
  const { region } = await getClusterFacts(await context.connect());
  await withAws(context, region, (aws) =>
    Promise.all(
      unknown.map(async (arn) => {
        const text = await aws.policies.document(arn, context.signal).catch((error: unknown) => {
          context.debug(`cannot read ${arn}: ${String(error)}`);
          return undefined;
        });
        if (text !== undefined) texts.set(arn, text);
      }),
    ),
  );
  return texts;
}

/** Inline policies that others added to the roles of accounts. */
export type InlinePolicies = {
  /** Accounts. Their lists of policies also contain the names of the inline policies in `documents`. */
  readonly accounts: readonly AccountWithPolicies[];
  /** Documents of the inline policies, by name. */
  readonly documents: ReadonlyMap<string, string>;
};

/**
 * Adds to each account the inline policies that others added to its roles.
 * @returns undefined if they cannot be read with the user's AWS credentials
 */
export async function withInlinePolicies(
  context: CliContext,
  { region }: Pick<ClusterFacts, 'region'>,
  accounts: readonly LinkedServiceAccount[],
  callers: readonly AccountWithPolicies[],
): Promise<InlinePolicies | undefined> {
  const rolesOf = new Map(
    accounts.map(({ metadata, status }) => {
      const arns = [status?.roleArn, ...(status?.targets ?? []).map(({ roleArn }) => roleArn)];
      return [metadata.name, new Set(arns.flatMap((arn) => (arn === undefined ? [] : [roleNameOf(arn)])))];
    }),
  );
  const roles = new Set([...rolesOf.values()].flatMap((names) => [...names]));
  if (roles.size === 0) return { accounts: callers, documents: new Map() };
  let found: ReadonlyMap<string, ReadonlyMap<string, string>>;
  try {
    found = await withAws(context, region, (aws) => aws.policies.inlineDocuments(roles, context.signal));
  } catch (error) {
    context.signal.throwIfAborted();
    context.debug(`cannot read inline policies: ${String(error)}`);
    return undefined;
  }
  const documents = new Map<string, string>();
  const extended = callers.map((caller) => {
    const names = [...(rolesOf.get(caller.name) ?? [])].flatMap((role) =>
      [...(found.get(role) ?? [])].flatMap(([name, document]) => {
        if (ownInlinePolicies.has(name)) return [];
        const id = `inline policy ${name} of ${role}`;
        documents.set(id, document);
        return [id];
      }),
    );
    return names.length === 0 ? caller : { ...caller, policies: [...caller.policies, ...names] };
  });
  return { accounts: extended, documents };
}

/**
 * Names of the inline policies that the operator writes. They are skipped: the account's statements are evaluated from
 * its spec, and the policy `podDenialName` denies only single pods, not the account's other pods.
 */
const ownInlinePolicies: ReadonlySet<string> = new Set([inlinePolicyName, podDenialName]);

function fromCatalogue(arn: string): string | undefined {
  const managed = managedPolicy(arn);
  return managed?.document(managed.defaultVersionId);
}

let actions: readonly string[] | undefined;

/** Names of actions that begin with the prefix, from the documents of AWS managed policies. */
export function catalogueActions(prefix: string, most: number): readonly string[] {
  actions ??= readActions();
  const lower = prefix.toLowerCase();
  return actions.filter((action) => action.toLowerCase().startsWith(lower)).slice(0, most);
}

function readActions(): readonly string[] {
  const found = new Set<string>();
  for (const policy of managedPolicies())
    for (const [, action = ''] of (policy.document(policy.defaultVersionId) ?? '').matchAll(
      /"([a-z0-9-]+:[A-Z][A-Za-z0-9]+)"/g,
    ))
      found.add(action);
  return [...found].sort();
}
