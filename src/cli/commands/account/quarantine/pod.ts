/** `kon account quarantine --pod`: denies the sessions of one pod. */
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import { desiredBoundary } from '../../../../identity/desired/role.ts';
import { getClusterFacts } from '../../../cluster/facts.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { getObject } from '../../../cluster/objects.ts';
import { confirm, requireConfirmation } from '../../../framework/confirm.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { resultLine, type WriteInput } from '../../../objects/finish.ts';
import { awaitDenial, findPod, podWords } from '../../../objects/pod-quarantine.ts';
import { createQuarantine } from '../../../objects/quarantine.ts';
import type { KubeClient } from '../../../../kube/index.ts';

export async function quarantinePodFlow(
  context: CliContext,
  {
    name,
    pod: text,
    reason,
    write: { dryRun, noWait, timeout },
    ...request
  }: {
    readonly name: string;
    readonly pod: string;
    readonly reason: string | undefined;
    readonly yes: boolean;
    readonly write: WriteInput;
  },
): Promise<void> {
  const what = `denying the sessions of pod "${text}"`;
  const yes = request.yes || dryRun;
  requireConfirmation(context, { yes, what });
  const client = await context.connect();
  const account = await getObject(client, accountKind, name);
  await requireInlinePolicies(client, account);
  const pod = await findPod(client, account, text);
  const consequence = `All sessions of pod ${podWords(pod)} are denied, including sessions with credentials that left the pod. The other pods of ${name} keep their access. The pod is not deleted. Sessions of other roles that were assumed with this role are not affected.`;
  const question = `${consequence}\nDeny the sessions of pod "${podWords(pod)}"?`;
  await confirm(context, { yes, what, question, declined: 'Nothing was changed.' });
  if (dryRun) context.stderr.write(`${consequence}\n`);
  const { quarantine, isNew } = await createQuarantine(client, {
    account: name,
    reason,
    pods: [pod],
    dryRun,
  });
  context.stdout.write(resultLine(`quarantine/${quarantine}`, isNew ? 'created' : 'unchanged', dryRun));
  if (dryRun || noWait) return;
  await awaitDenial(context, client, name, pod, timeout);
  context.stderr.write(
    `the sessions of pod ${podWords(pod)} are denied. To end the quarantine: kon account release ${name} --pod ${pod.uid}\n`,
  );
}

/** @throws CliError of code CONFLICT if the operator is not permitted to write inline policies of the account's roles */
async function requireInlinePolicies(client: KubeClient, account: LinkedServiceAccount): Promise<void> {
  const { name } = account.metadata;
  const { facts } = await getClusterFacts(client);
  const problem = facts.allowsStatements
    ? desiredBoundary(account, facts) === undefined
      ? 'the role of the account has no permissions boundary (permissionsBoundaryArn)'
      : undefined
    : `the ClusterConfig "${facts.configName}" does not allow statements (spec.aws.allowStatements)`;
  if (problem === undefined) return;
  throw new CliError(
    'CONFLICT',
    `the operator is not permitted to deny single pods of account "${name}": ${problem}`,
    {
      next: [
        `Cut off the whole account: kon account quarantine ${name}`,
        'Deny the pod with your own credentials, as the guide "Cut off an account now" describes',
      ],
    },
  );
}
