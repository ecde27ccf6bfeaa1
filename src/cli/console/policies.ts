/** Documents of policies, and names of actions to complete. Keys of AWS are used here, in the process of `kon`, and only for reads. */
import { managedPolicies, managedPolicy } from '../../aws/catalogue/catalogue.ts';
import { withAws } from '../aws/session.ts';
import { getClusterFacts } from '../cluster/facts.ts';
import type { CliContext } from '../framework/context.ts';
import { CliError } from '../framework/errors.ts';
import type { Feed } from './feed.ts';
import type { PolicyDocument } from './wire.ts';

/**
 * Reads the catalogue for policies of AWS, and IAM for the others.
 * @throws CliError of code NOT_FOUND for a policy that no account lists
 */
export async function policyDocument(
  arn: string,
  {
    feed,
    context,
    hasAws,
  }: { readonly feed: Pick<Feed, 'policyArns'>; readonly context: CliContext; readonly hasAws: boolean },
): Promise<PolicyDocument> {
  if (!feed.policyArns().has(arn)) throw new CliError('NOT_FOUND', `no account lists the policy ${arn}`);
  const managed = managedPolicy(arn);
  const known = managed?.document(managed.defaultVersionId);
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
