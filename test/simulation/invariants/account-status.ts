/**
 * Invariants of each write to an account: the account's status agrees with AWS and the cluster, and the account's
 * finalizer stays until nothing is left in AWS.
 */
import {
  accountFinalizer,
  accountLabel,
  createdAnnotation,
  type LinkedServiceAccount,
} from '../../../src/api/index.ts';
import { findCondition } from '../../../src/k8s/conditions.ts';
import { taggedOwner, type ObservedRole } from '../../../src/identity/index.ts';
import { resources } from '../../../src/kube/index.ts';
import type { Change } from '../api-server/change-log.ts';
import { listedArns } from '../listed-arns.ts';
import { isOfOtherIssuer } from '../ownership.ts';
import { claimsOf } from '../simulated-aws.ts';
import { trustsPods } from '../simulated-eks.ts';
import { driftIntervalMs } from '../simulation.ts';
import type { Context } from './context.ts';
import { subjectOf, subjectsOf } from './identities.ts';

/** Returns a function that checks each change of an account. */
export function createAccountChecks(context: Context): (change: Change, isOperatorsWrite: boolean) => void {
  const isProven = recordProofs(context);
  return ({ type, object, before }, isOperatorsWrite) => {
    const { name, finalizers = [], deletionTimestamp } = object.metadata;
    const isReleased =
      before?.metadata.finalizers?.includes(accountFinalizer) === true &&
      (type === 'DELETED' || !finalizers.includes(accountFinalizer));
    if (isReleased && isOperatorsWrite) checkRelease(context, name);
    const account = object as unknown as LinkedServiceAccount;
    const previous = before as unknown as LinkedServiceAccount | undefined;
    if (type === 'DELETED' || deletionTimestamp !== undefined) return;
    if (JSON.stringify(account.status) !== JSON.stringify(previous?.status))
      checkStatus(context, account, isProven);
  };
}

type ProofCheck = (role: ObservedRole, subject: string) => boolean;

/**
 * Records token exchanges: a role with its trust policy, and a subject. STS may still use an older trust policy than IAM,
 * so the trust policies of both are recorded.
 */
function recordProofs({ simulation: { aws } }: Context): ProofCheck {
  const proofs = new Set<string>();
  const proofOf = (role: ObservedRole, subject: string): string =>
    `${role.id} ${role.trustPolicy} ${subject}`;
  aws.onExchange(({ role, token }) => {
    const current = aws.roles.get(role.name);
    for (const known of [role, ...(current ? [current] : [])])
      proofs.add(proofOf(known, claimsOf(token).sub));
  });
  return (role, subject) => proofs.has(proofOf(role, subject));
}

/** An account whose finalizer was removed leaves no role, association or ServiceAccount behind. */
function checkRelease({ simulation: { aws, server }, report }: Context, name: string): void {
  const left = (what: string): void =>
    report('orphan', `the finalizer of the account ${name} was removed before ${what} was deleted`);
  for (const role of aws.roles.values())
    if (taggedOwner(role.tags)?.account === name && !isOfOtherIssuer(role)) left(`the role ${role.name}`);
  for (const { namespace, serviceAccount, tags } of aws.eks.associations.values())
    if (taggedOwner(tags)?.account === name) left(`the association of ${namespace}/${serviceAccount}`);
  for (const { metadata } of server.list(resources.serviceAccounts)) {
    const namespace = server.get(resources.namespaces, metadata.namespace ?? '');
    if (
      metadata.name === name &&
      metadata.labels?.[accountLabel] === name &&
      metadata.annotations?.[createdAnnotation] !== undefined &&
      namespace?.metadata.deletionTimestamp === undefined
    )
      left(`the ServiceAccount ${metadata.namespace}/${name}`);
  }
}

/** A status that reports `Ready` for a generation must be true for that generation at the time of the write. */
function checkStatus(
  context: Context,
  { metadata, status }: LinkedServiceAccount,
  isProven: ProofCheck,
): void {
  const {
    simulation: { aws },
    states,
    unawareMs,
    readsLag,
  } = context;
  const { name } = metadata;
  if (findCondition(status?.conditions, 'Ready')?.status !== 'True') return;
  const spec = states.specAt(metadata, status?.observedGeneration);
  const roleName = (status?.roleArn ?? '').split('/').at(-1) ?? '';
  const role = aws.roles.get(roleName);
  // Drift is detected within two intervals, and is reported within the time that the operator needs to react.
  const slackMs = unawareMs + 2 * driftIntervalMs;
  if (states.wasDisturbed(`role ${roleName}`, slackMs)) return;
  const report = (problem: string): void =>
    context.report(
      'status truth',
      `${name} is reported as Ready at generation ${status?.observedGeneration}, but ${problem}`,
    );
  if (!spec) return report('it never had this generation');
  if (!role || taggedOwner(role.tags)?.account !== name) return report('it has no role');
  // If IAM's reads lag, a process detects a recent write of an earlier process only in a drift pass, so the role is not
  // checked.
  if (readsLag && states.isInherited(role.name, slackMs)) return;
  const wanted = [...listedArns(spec.aws)].sort().join(' ');
  if ([...role.attachedPolicyArns].sort().join(' ') !== wanted)
    report(`its role has other policies: ${role.attachedPolicyArns.join(', ')}`);
  const sids = sidsOf(role.inlinePolicy);
  if (sids !== (spec.aws.statements ?? []).map(({ sid }) => sid).join(' '))
    report(`its role has other statements: ${sids}`);
  for (const { name: target, proven, identityMode } of status?.targets ?? []) {
    if (
      !proven ||
      states.wasDisturbed(`serviceaccounts ${target}/${name}`, slackMs) ||
      states.wasDisturbed(`namespaces /${target}`, slackMs)
    )
      continue;
    const subject = subjectOf(target, name);
    const association = aws.eks.associationOf(target, name);
    const isTrusted =
      identityMode === 'PodIdentity'
        ? association !== undefined && trustsPods(role.trustPolicy, association)
        : subjectsOf(role).includes(subject);
    if (!isTrusted) report(`its role does not trust ${target}, which is reported as proven`);
    if (identityMode !== 'PodIdentity' && !isProven(role, subject))
      context.report('proof', `${name} is reported as proven in ${target}, where no token was exchanged`);
  }
}

/** Returns the Sids of the statements in an inline policy. */
function sidsOf(document: string | undefined): string {
  const { Statement: statements = [] } = JSON.parse(document ?? '{}') as {
    readonly Statement?: readonly { readonly Sid?: string }[];
  };
  return statements.map(({ Sid: sid }) => sid).join(' ');
}
