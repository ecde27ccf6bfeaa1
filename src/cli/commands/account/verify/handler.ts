/** `kon account verify`: exchanges a ServiceAccount token for AWS credentials in each target, as an SDK in a pod does. */
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import { roleArnAnnotation } from '../../../../api/labels.ts';
import type { PodIdentityAws } from '../../../../aws/index.ts';
import {
  asIdentityError,
  type HeldIdentities,
  type IdentityProver,
  type IdentityReason,
  type UnservedPod,
} from '../../../../identity/index.ts';
import { KubeApiError, resources, type KubeClient } from '../../../../kube/index.ts';
import { proveIdentity } from '../../../../operator/account/prove-identity.ts';
import { heldBy } from '../../../../operator/account/target-observation.ts';
import { podsWithServiceAccount } from '../../../pods/account-pods.ts';
import { lookUpAgents } from '../../../cluster/agents.ts';
import { withAws } from '../../../aws/session.ts';
import { getClusterFacts } from '../../../cluster/cluster-config.ts';
import { getObject, orMissing } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { exitCodes, type ExitCode } from '../../../framework/exit-codes.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { oneOrList, writeList } from '../../../framework/output/answer.ts';
import { problemColumns, yesNoColumn } from '../../../objects/columns.ts';
import type { Column } from '../../../framework/output/table.ts';

type Verification = {
  readonly target: string;
  readonly proven: boolean;
  readonly roleArn?: string;
  readonly reason?: string;
  readonly message?: string;
};

/** Exits with 0 if every target is verified, 1 if a target is not verified, and above 1 if the result is unknown. */
export async function verifyFlow(
  context: CliContext,
  names: readonly [string, ...string[]],
): Promise<ExitCode> {
  const verified: { readonly account: string; readonly targets: readonly Verification[] }[] = [];
  for (const account of names) verified.push({ account, targets: await verify(context, account) });
  const rows = verified.flatMap(({ account, targets }) => targets.map((target) => ({ account, ...target })));
  await writeList(context, {
    rows,
    columns:
      names.length > 1 ? [{ header: 'ACCOUNT', value: (row: Row) => row.account }, ...columns] : columns,
    data: oneOrList('AccountVerification', verified),
  });
  for (const { account, targets } of verified)
    if (targets.length === 0) context.stderr.write(`Account ${account} has no target.\n`);
  const isProven = verified.every(
    ({ targets }) => targets.length > 0 && targets.every(({ proven }) => proven),
  );
  return isProven ? exitCodes.ok : exitCodes.error;
}

type Row = Verification & { readonly account: string };

/** Verifies each target of an account. The console calls this function too. */
export async function verify(context: CliContext, name: string): Promise<readonly Verification[]> {
  const client = await context.connect();
  const [{ facts, region }, account] = await Promise.all([
    getClusterFacts(client),
    getObject(client, accountKind, name),
  ]);
  return withAws(context, region, (aws) =>
    Promise.all(
      [...(account.spec.targets ?? facts.targets)].sort().map((target) =>
        verifyTarget(account, target, {
          client,
          prover: aws.prover,
          podIdentity: () => aws.podIdentity(facts.name),
          signal: context.signal,
        }),
      ),
    ),
  );
}

type Sources = {
  readonly client: KubeClient;
  readonly prover: IdentityProver;
  readonly podIdentity: () => PodIdentityAws;
  readonly signal: AbortSignal;
};

async function verifyTarget(
  account: LinkedServiceAccount,
  target: string,
  of: Sources,
): Promise<Verification> {
  const { client, signal } = of;
  const { name } = account.metadata;
  const unproven = (reason: string, message: string, roleArn?: string): Verification => ({
    target,
    proven: false,
    ...(roleArn === undefined ? {} : { roleArn }),
    reason,
    message,
  });
  const found = await orMissing(
    client.get(resources.serviceAccounts, { namespace: target, name }, { signal }),
  );
  if (!found) return unproven('NotLinked', `ServiceAccount ${target}/${name} not found`);
  const annotated = found.metadata.annotations?.[roleArnAnnotation];
  let roleArn = annotated;
  try {
    // An association takes precedence over the annotation, regardless of the account's status.
    const associated = await associatedRole(target, name, of);
    roleArn = associated ?? annotated;
    if (roleArn === undefined)
      return unproven(
        'NotLinked',
        `ServiceAccount ${target}/${name} has neither a role annotation nor an association`,
      );
    const held = associated === undefined ? undefined : await identitiesOf(target, name, of);
    const pod = held?.exchangePod;
    const [unserved] = held?.withoutAgent ?? [];
    if (unserved) return unproven('AgentMissing' satisfies IdentityReason, agentMissing(unserved), roleArn);
    if (associated !== undefined && !pod)
      return unproven(
        'AwaitingFirstPod' satisfies IdentityReason,
        'verifying a Pod Identity needs the token of a running pod, but no pod of the account runs on a node with a ready agent',
        roleArn,
      );
    const step = { kind: 'ProveIdentity', target, roleArn, proofKey: '', ...(pod ? { pod } : {}) } as const;
    await proveIdentity(step, account, of, signal);
    return { target, proven: true, roleArn };
  } catch (error) {
    if (signal.aborted) throw error;
    const failure = asIdentityError(error);
    // Rethrows the error if the request was denied or got no response, because such an error shows nothing about the
    // role.
    if (isForbidden(failure.cause)) throw failure.cause;
    if (failure.code === 'Unreachable') throw failure;
    return unproven(failure.code, failure.message, roleArn);
  }
}

function agentMissing({ pod, node, computeType }: UnservedPod): string {
  return computeType === 'fargate' || node === undefined
    ? `the pod ${pod} runs on AWS Fargate, which has no Pod Identity agent`
    : `no Pod Identity agent is ready on the node ${node} of the pod ${pod}`;
}

const isForbidden = (error: unknown): boolean => error instanceof KubeApiError && error.status === 403;

const unanswerable: ReadonlySet<string> = new Set([
  'AccessDenied',
  'ClusterUnknown',
  'CredentialsMissing',
  'CredentialsRejected',
]);

async function associatedRole(
  namespace: string,
  serviceAccount: string,
  { podIdentity, signal }: Sources,
): Promise<string | undefined> {
  try {
    const found = await podIdentity().associations.read({ namespace, serviceAccount }, signal);
    return found?.details?.roleArn;
  } catch (error) {
    // Ignores these errors: a cluster outside EKS has no associations, and a user without permission to read
    // associations still sees the role in the annotation.
    const { code } = asIdentityError(error);
    if (unanswerable.has(code)) return undefined;
    throw error;
  }
}

async function identitiesOf(
  namespace: string,
  serviceAccount: string,
  { client, signal }: Sources,
): Promise<HeldIdentities> {
  const pods = await podsWithServiceAccount(client, serviceAccount, { namespace, signal });
  return heldBy(pods, { isReplaced: () => true, agents: await lookUpAgents(client, pods, signal) });
}

const columns: readonly Column<Verification>[] = [
  { header: 'TARGET', value: (row) => row.target },
  yesNoColumn('PROVEN', ({ proven }) => proven),
  { header: 'ROLE', value: (row) => row.roleArn ?? '' },
  ...problemColumns,
];
