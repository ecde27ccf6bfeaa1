/** Executes one step of a plan and caches its result. This file makes all writes for accounts. */
import {
  accountFinalizer,
  accountLabel,
  fieldManager,
  linkedServiceAccounts,
  quarantines,
  roleArnAnnotation,
  type LinkedServiceAccount,
  type Quarantine,
} from '../../api/index.ts';
import {
  accountLabelValue,
  IdentityError,
  isAssociationStep,
  isRoleStep,
  type Step,
} from '../../identity/index.ts';
import {
  addFinalizer,
  hasFinalizer,
  isNotFound,
  removeFinalizer,
  resources,
  type KubeObject,
} from '../../kube/index.ts';
import { isBeingDeleted, trimServiceAccount, type Namespace } from '../context.ts';
import { classified, classifyKubeError } from '../kube-failures.ts';
import { applyAssociationStep } from './apply-association-step.ts';
import { applyRoleStep } from './apply-role-step.ts';
import { proveIdentity } from './prove-identity.ts';
import { readNode } from './read-node.ts';
import { createServiceAccount, deleteServiceAccount, patchServiceAccount } from './service-account-link.ts';
import type { StepTools } from './step-tools.ts';

/** @throws IdentityError */
export async function applyStep(
  step: Step,
  account: LinkedServiceAccount,
  tools: StepTools,
  signal: AbortSignal,
): Promise<void> {
  if (isRoleStep(step))
    return applyRoleStep(
      step,
      account,
      tools,
      () => assertExists(account, tools, signal),
      (uids) => assertDenied(uids, account, tools, signal),
      signal,
    );
  if (isAssociationStep(step)) {
    if (step.kind === 'CreateAssociation') await assertNotEnded(account, tools, signal);
    return applyAssociationStep(step, account, tools, signal);
  }
  switch (step.kind) {
    case 'AddFinalizer':
      return writeFinalizer(addFinalizer, account, tools, signal);
    case 'RemoveFinalizer':
      await assertNoUnseenLink(account, tools, signal);
      return writeFinalizer(removeFinalizer, account, tools, signal);
    case 'CreateServiceAccount':
      await assertNotEnded(account, tools, signal);
      return createServiceAccount(account, step.target, step.roleArn, tools, signal);
    case 'LinkServiceAccount':
      return patchServiceAccount(
        account,
        step.target,
        step.serviceAccount,
        { [roleArnAnnotation]: step.roleArn ?? null },
        {},
        tools,
        signal,
      );
    case 'UnlinkServiceAccount':
      return patchServiceAccount(
        account,
        step.target,
        step.serviceAccount,
        step.keepsAnnotation ? {} : { [roleArnAnnotation]: null },
        { [accountLabel]: null },
        tools,
        signal,
      );
    case 'DeleteServiceAccount':
      return deleteServiceAccount(account, step.target, step.serviceAccount, tools, signal);
    case 'ReadNode':
      return readNode(step, tools, signal);
    case 'ProveIdentity':
      return proveIdentity(step, account, tools, signal);
  }
}

/**
 * Checks that the account exists. The watched account may be outdated: the previous leader may have completed the
 * account's deletion before this leader received the event. Nothing would remove an object that is created after that
 * deletion. Therefore this function reads the account from the API server, unless a write has just returned the
 * account. Once this process has written the finalizer, no other process completes the deletion.
 *
 * @throws IdentityError `KubernetesConflict`
 */
async function assertExists(
  account: LinkedServiceAccount,
  tools: StepTools,
  signal: AbortSignal,
): Promise<void> {
  if (!tools.accounts.isFresh(account.metadata.name, account)) await readAccount(account, tools, signal);
}

/**
 * Checks that the account exists, before a ServiceAccount or an association is created for its role. The role alone
 * proves nothing, because AWS may list a role for a while after its deletion. Unlike `assertExists`, this check also
 * passes if an earlier response of the API server to this process contained the account.
 *
 * @throws IdentityError `KubernetesConflict`
 */
async function assertNotEnded(
  account: LinkedServiceAccount,
  tools: StepTools,
  signal: AbortSignal,
): Promise<void> {
  if (!tools.accounts.hasSeen(account.metadata.name, account)) await readAccount(account, tools, signal);
}

async function readAccount(
  account: LinkedServiceAccount,
  { client, accounts }: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { name, uid, deletionTimestamp } = account.metadata;
  const present = await classified(`could not read the account "${name}"`, () =>
    client.get<LinkedServiceAccount>(linkedServiceAccounts, { name }, { signal }),
  );
  // If the step was planned for an account under deletion, it may continue, since such an account is kept in sync while
  // pods use it. If the deletion was not known when the step was planned, the step must not continue, because it could
  // recreate an object that was already deleted.
  const deleted = present.metadata.deletionTimestamp !== undefined && deletionTimestamp === undefined;
  if (present.metadata.uid !== uid || deleted || !hasFinalizer(present, accountFinalizer))
    throw new IdentityError('KubernetesConflict', `the account "${name}" was deleted meanwhile`);
  accounts.saw(name, present);
}

/**
 * Checks that the account's Quarantines name no pods except those with the given UIDs. The watched Quarantines may be
 * outdated. Without this check, a pod that was quarantined before this process started could regain access.
 *
 * @throws IdentityError `KubernetesConflict` if a Quarantine names another pod; a later plan includes that pod
 */
async function assertDenied(
  uids: readonly string[],
  { metadata: { name } }: LinkedServiceAccount,
  { client }: StepTools,
  signal: AbortSignal,
): Promise<void> {
  let items: readonly Quarantine[];
  try {
    items = (await client.list<Quarantine>(quarantines, { signal })).items;
  } catch (error) {
    // If the CRDs were not upgraded, the kind is not served, so no Quarantine exists.
    if (isNotFound(error)) return;
    throw classifyKubeError(error, 'could not list the Quarantines');
  }
  const missing = items
    .filter(({ spec }) => spec.account === name)
    .flatMap(({ spec }) => spec.pods ?? [])
    .filter(({ uid }) => !uids.includes(uid));
  if (missing.length > 0)
    throw new IdentityError(
      'KubernetesConflict',
      `Quarantines name further pods of the account "${name}": ${missing.map(({ uid }) => uid).join(', ')}`,
    );
}

/**
 * Checks that the account has no unobserved ServiceAccount. A creation with an unknown outcome, or a creation by the
 * previous process, may have left a ServiceAccount that no watch has reported yet, even in a namespace that was
 * recreated meanwhile. Once the finalizer is removed, nothing would delete that ServiceAccount, so this function lists
 * the ServiceAccounts. It ignores namespaces under deletion, because their ServiceAccounts are deleted with them.
 *
 * @throws IdentityError `KubernetesConflict` if it finds such a ServiceAccount; the next plan includes that
 * ServiceAccount
 */
async function assertNoUnseenLink(
  account: LinkedServiceAccount,
  { client, serviceAccounts }: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  const labelSelector = `${accountLabel}=${accountLabelValue(name)}`;
  const { items } = await classified(`could not list the ServiceAccounts of the account "${name}"`, () =>
    client.list<KubeObject>(resources.serviceAccounts, { labelSelector, signal }),
  );
  const linked = items.filter(({ metadata }) => metadata.name === name);
  if (linked.length === 0) return;
  for (const object of linked)
    serviceAccounts.wrote(`${object.metadata.namespace ?? ''}/${name}`, trimServiceAccount(object));
  const terminating = await namespacesBeingDeleted(client, signal);
  const left = linked.flatMap(({ metadata: { namespace = '' } }) =>
    terminating.has(namespace) ? [] : [namespace],
  );
  if (left.length > 0)
    throw new IdentityError(
      'KubernetesConflict',
      `ServiceAccounts of the account "${name}" still exist in ${left.join(', ')}`,
    );
}

/** Namespaces under deletion, read from the API server. */
async function namespacesBeingDeleted(
  client: StepTools['client'],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const { items } = await classified('could not list the namespaces', () =>
    client.list<Namespace>(resources.namespaces, { signal }),
  );
  return new Set(items.filter(isBeingDeleted).map(({ metadata }) => metadata.name));
}

async function writeFinalizer(
  change: typeof addFinalizer,
  account: LinkedServiceAccount,
  { client, accounts }: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  const written = await classified(`could not write the finalizers of the account "${name}"`, () =>
    change(client, linkedServiceAccounts, account, accountFinalizer, { fieldManager, signal }),
  );
  // An object under deletion disappears with its last finalizer.
  const isGone = written?.metadata.deletionTimestamp !== undefined && !written.metadata.finalizers?.length;
  if (!written || isGone) accounts.deleted(name, written ?? account);
  else accounts.wrote(name, written);
}
