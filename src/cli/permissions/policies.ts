/** Documents of policies, and names of actions to complete. Keys of AWS are used here, in the process of `kon`, and only for reads. */
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { managedPolicies, managedPolicy } from '../../aws/catalogue/catalogue.ts';
import { statementsDocument } from '../../identity/desired/statements.ts';
import type { ClusterFacts } from '../../identity/state/world.ts';
import { withAws } from '../aws/session.ts';
import { getClusterFacts } from '../cluster/facts.ts';
import { policyRows } from '../commands/account/show/policy-rows.ts';
import type { CliContext } from '../framework/context.ts';
import { CliError } from '../framework/errors.ts';
import type { AccountWithPolicies } from './who-can.ts';
import type { PolicyDocument } from '../console/wire.ts';

/** `hasAws`: whether AWS may be asked with the credentials of this process. */
export type PolicyReading = { readonly context: CliContext; readonly hasAws: boolean };

/** Policies and boundary of an account, by ARN. Its own statements are a policy under the name that they have here. */
export function policiesOf(account: LinkedServiceAccount): AccountWithPolicies {
  const { permissionsBoundaryArn: boundary, statements = [] } = account.spec.aws;
  return {
    name: account.metadata.name,
    policies: [
      ...policyRows(account).map(({ arn }) => arn),
      ...(statements.length > 0 ? [statementsName(account)] : []),
    ],
    ...(boundary === undefined ? {} : { boundary }),
  };
}

const statementsName = (account: LinkedServiceAccount): string => `statements of ${account.metadata.name}`;

/** Documents of the accounts' own statements, as the operator writes them; none while the cluster is unknown. */
export function statementDocuments(
  accounts: readonly LinkedServiceAccount[],
  facts: ClusterFacts | undefined,
): ReadonlyMap<string, string> {
  return new Map(
    accounts.flatMap((account) => {
      const { statements = [] } = account.spec.aws;
      return facts && statements.length > 0
        ? [[statementsName(account), statementsDocument(statements, facts)] as const]
        : [];
    }),
  );
}

/**
 * Reads the catalogue for policies of AWS, and IAM for the others.
 * @throws CliError of code NOT_FOUND for a policy that no account lists
 */
export async function policyDocument(
  arn: string,
  accounts: readonly LinkedServiceAccount[],
  { context, hasAws }: PolicyReading,
): Promise<PolicyDocument> {
  const isListed = accounts
    .map(policiesOf)
    .some(({ policies, boundary }) => policies.includes(arn) || boundary === arn);
  if (!isListed) throw new CliError('NOT_FOUND', `no account lists the policy ${arn}`);
  const known = fromCatalogue(arn);
  if (known !== undefined) return { arn, source: 'catalogue', document: known };
  if (!hasAws)
    throw new CliError('AWS_UNAUTHENTICATED', 'the console in the cluster has no AWS credentials', {
      next: [`On your machine: aws iam get-policy --policy-arn ${arn}`],
    });
  const { region } = await getClusterFacts(await context.connect());
  const document = await withAws(context, region, (aws) => aws.policies.document(arn, context.signal));
  if (document === undefined) throw new CliError('NOT_FOUND', `IAM has no policy ${arn}`);
  return { arn, source: 'IAM', document };
}

/** Texts by ARN, of the policies that can be read. */
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
