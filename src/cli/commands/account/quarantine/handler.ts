/** `kon account quarantine`: creates a Quarantine of an account or of one pod, and waits until it is in force. */
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import type { QuarantinedPod } from '../../../../api/quarantine.ts';
import { desiredBoundary } from '../../../../identity/desired/role.ts';
import { getClusterFacts } from '../../../cluster/cluster-config.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { getObject } from '../../../cluster/objects.ts';
import { confirm, requireConfirmation } from '../../../framework/confirm.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { resultLine, type WriteInput } from '../../../objects/finish.ts';
import { awaitDenial, findPod, podWords } from '../../../objects/pod-quarantine.ts';
import { awaitAccount, createQuarantine } from '../../../objects/quarantine.ts';
import type { KubeClient } from '../../../../kube/index.ts';

export async function quarantineFlow(
  context: CliContext,
  {
    name,
    pod: named,
    reason,
    ...options
  }: WriteInput & {
    readonly name: string;
    /** Pod whose sessions are denied, as the user names it; undefined for all sessions of the account. */
    readonly pod: string | undefined;
    readonly reason: string | undefined;
    readonly yes: boolean;
  },
): Promise<void> {
  const { dryRun, timeout } = options;
  const what =
    named === undefined ? `cutting off the account "${name}"` : `denying the sessions of pod "${named}"`;
  const yes = options.yes || dryRun;
  requireConfirmation(context, { yes, what });
  const client = await context.connect();
  const account = await getObject(client, accountKind, name);
  const pod = named === undefined ? undefined : await deniablePod(client, account, named);
  const consequence = pod ? podConsequence(name, pod) : quarantineConsequence(account);
  const question = pod ? `Deny the sessions of pod "${podWords(pod)}"?` : `Cut off the account "${name}"?`;
  await confirm(context, {
    yes,
    what,
    question: `${consequence}\n${question}`,
    declined: 'Nothing was changed.',
  });
  if (dryRun) context.stderr.write(`${consequence}\n`);
  const { quarantine, isNew } = await createQuarantine(client, {
    account: name,
    reason,
    ...(pod ? { pods: [pod] } : {}),
    dryRun,
  });
  context.stdout.write(resultLine(`quarantine/${quarantine}`, isNew ? 'created' : 'unchanged', dryRun));
  if (dryRun || options.noWait) return;
  if (pod) await awaitDenial(context, client, name, pod, timeout);
  else await awaitQuarantine(context, client, name, timeout);
  context.stderr.write(
    pod
      ? `the sessions of pod ${podWords(pod)} are denied. To end the quarantine: kon account release ${name} --pod ${pod.uid}\n`
      : `account ${name} is cut off. To end the quarantine: kon account release ${name}\n`,
  );
}

/** @throws CliError of code CONFLICT if the operator is not permitted to write inline policies of the account's roles */
async function deniablePod(
  client: KubeClient,
  account: LinkedServiceAccount,
  named: string,
): Promise<QuarantinedPod> {
  const { name } = account.metadata;
  const { facts } = await getClusterFacts(client);
  const problem = facts.allowsStatements
    ? desiredBoundary(account, facts) === undefined
      ? 'the role of the account has no permissions boundary (permissionsBoundaryArn)'
      : undefined
    : `the ClusterConfig "${facts.configName}" does not allow statements (spec.aws.allowStatements)`;
  if (problem === undefined) return findPod(client, account, named);
  throw new CliError(
    'CONFLICT',
    `the operator is not permitted to deny the sessions of single pods of account "${name}": ${problem}`,
    {
      next: [
        `Cut off the whole account: kon account quarantine ${name}`,
        'Use your own AWS credentials to deny the sessions of the pod, as the guide "Cut off an account now" describes',
      ],
    },
  );
}

function podConsequence(account: string, pod: QuarantinedPod): string {
  return `All sessions of pod ${podWords(pod)} are denied, including sessions with credentials that left the pod. The other pods of ${account} keep their access. The pod is not deleted. Sessions of other roles that were assumed with this role are not affected.`;
}

/** Waits until all roles of the account deny all sessions. */
export async function awaitQuarantine(
  context: CliContext,
  client: KubeClient,
  name: string,
  timeoutMs: number,
): Promise<void> {
  const interrupted = {
    state: `the Quarantine of account "${name}" exists, and the operator continues to apply it`,
    next: [`Show the account: kon account show ${name}`, `Release the account: kon account release ${name}`],
  };
  await awaitAccount(context, client, { name, timeoutMs, what: 'cut off', interrupted }, (_seen, reason) =>
    reason === 'Quarantined' ? true : undefined,
  );
}

export function quarantineConsequence({ metadata: { name }, status }: LinkedServiceAccount): string {
  const rows = status?.targets ?? [];
  const pods = rows.reduce((sum, row) => sum + (row.pods?.current ?? 0) + (row.pods?.stale ?? 0), 0);
  const where = rows.filter(({ linked }) => linked).map((row) => row.name);
  return `All sessions of ${status?.roleArn ?? 'its role'} are denied immediately: ${pods} running pod${pods === 1 ? '' : 's'} of ${name}${where.length > 0 ? ` in ${where.join(', ')}` : ''} ${pods === 1 ? 'loses its' : 'lose their'} access to AWS. Nothing that uses the account is rolled out until the account is released. Sessions of other roles that were assumed with this role are not affected.`;
}
