/** `kon account can-i`: asks the IAM policy simulator whether the account's role may call an action, and shows the deciding statement. */
import { requireAccount, withAws } from '../../../aws/session.ts';
import type { Decision } from '../../../../aws/index.ts';
import { roleNameOf, type ObservedRole } from '../../../../identity/index.ts';
import { getClusterFacts } from '../../../cluster/cluster-config.ts';
import { getObject } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { exitCodes, type ExitCode } from '../../../framework/exit-codes.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { paint } from '../../../framework/output/color.ts';
import { writeDocument } from '../../../framework/output/answer.ts';
import { decidingStatements } from './statements.ts';

type Answer = Omit<Decision, 'by'> & {
  readonly account: string;
  readonly roleArn: string;
  readonly by: readonly { readonly policy: string; readonly statements: readonly string[] }[];
};

type Question = { readonly account: string; readonly action: string; readonly resource: string };

/** Exits with 0 if the action is allowed, 1 if it is denied, and above 1 if the result cannot be determined. */
export async function canIFlow(context: CliContext, question: Question): Promise<ExitCode> {
  const answer = await decide(context, question);
  await writeDocument(context, 'PolicyDecision', answer, (color) => renderAnswer(answer, color));
  return answer.decision === 'allowed' ? exitCodes.ok : exitCodes.error;
}

/** Asks the policy simulator, and returns the decision with its reason. The console also calls this function. */
export async function decide(
  context: CliContext,
  { account: name, action, resource }: Question,
): Promise<Answer> {
  const client = await context.connect();
  const { signal } = context;
  const [{ facts, region }, account] = await Promise.all([
    getClusterFacts(client),
    getObject(client, accountKind, name),
  ]);
  const roleArn = account.status?.roleArn;
  if (roleArn === undefined)
    throw new CliError('NOT_READY', `account "${name}" has no role yet`, {
      next: [`Find the reason: ${accountKind.advice.show(name)}`],
    });
  return withAws(context, region, async (aws) => {
    await requireAccount(context, aws, facts);
    const [[decision], role] = await Promise.all([
      aws.policies.simulate({ principalArn: roleArn, actions: [action], resources: [resource] }, signal),
      aws.roles.read(roleNameOf(roleArn), signal),
    ]);
    if (!decision || !role) throw new CliError('NOT_FOUND', `role ${roleArn} not found in IAM`);
    const { by, ...rest } = decision;
    const explained = by.map(async ({ source, ...at }) => {
      const policy = policyNamed(source, role);
      const document = policy.startsWith('arn:')
        ? await aws.policies.document(policy, signal)
        : await aws.policies.inlineDocument(role.name, policy, signal);
      return { policy, statements: document === undefined ? [] : decidingStatements(document, decision, at) };
    });
    return { account: name, roleArn, ...rest, by: await Promise.all(explained) };
  });
}

/**
 * Returns the ARN of the managed policy, or the name of the inline policy, that the simulator reports as source. The
 * simulator reports a managed policy by its name, and an inline policy as `role_<role>_<policy>`.
 */
function policyNamed(source: string, role: ObservedRole): string {
  const managed = [
    ...role.attachedPolicyArns,
    ...(role.permissionsBoundaryArn ? [role.permissionsBoundaryArn] : []),
  ];
  const inline = `role_${role.name}_`;
  return (
    managed.find((arn) => arn === source || arn.endsWith(`/${source}`)) ??
    (source.startsWith(inline) ? source.slice(inline.length) : source)
  );
}

function renderAnswer(answer: Answer, color: boolean): string {
  const yes = answer.decision === 'allowed';
  const about = `${answer.action} on ${answer.resource}`;
  const lines = [`${paint(yes ? 'green' : 'red', yes ? 'yes' : 'no', color)}: ${reasonOf(answer)} ${about}`];
  for (const { policy, statements } of answer.by) {
    lines.push('', `Decided by ${policy}:`);
    for (const statement of statements) lines.push(...statement.split('\n').map((line) => `  ${line}`));
  }
  if (answer.missingContextKeys.length > 0)
    lines.push(
      '',
      `The answer depends on values of a real request, because of conditions on: ${answer.missingContextKeys.join(', ')}`,
    );
  if (yes) lines.push('', notEvaluated);
  return `${lines.join('\n')}\n`;
}

/** Limits of the simulator. Source: IAM User Guide, "IAM policy testing with the IAM policy simulator". */
const notEvaluated =
  'Not evaluated: resource policies, resource control policies, service control policies with conditions, VPC endpoint policies, session policies. Each of these can still deny the call.';

function reasonOf(answer: Answer): string {
  switch (answer.decision) {
    case 'allowed':
      return `the account ${answer.account} allows`;
    case 'explicitDeny':
      return 'a statement denies';
    case 'implicitDeny':
      if (answer.allowedByOrganizations === false) return "the organization's policies do not allow";
      return answer.allowedByBoundary === false
        ? 'the permissions boundary does not allow'
        : 'no statement allows';
  }
}
