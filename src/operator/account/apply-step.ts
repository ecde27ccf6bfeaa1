/** Carries out one step of a plan, and notes what it made so. The only writer on the account's behalf. */
import {
  accountFinalizer,
  accountLabel,
  fieldManager,
  linkedServiceAccounts,
  roleArnAnnotation,
  type LinkedServiceAccount,
} from '../../api/index.ts';
import {
  accountLabelValue,
  asIdentityError,
  IdentityError,
  taggedOwner,
  type IdentityProver,
  type ObservedRole,
  type RoleStore,
  type Step,
  withoutTags,
  withTags,
} from '../../identity/index.ts';
import {
  addFinalizer,
  hasFinalizer,
  removeFinalizer,
  resources,
  type KubeClient,
  type KubeObject,
} from '../../kube/index.ts';
import { trimServiceAccount } from '../context.ts';
import { classifyKubeError } from '../kube-failures.ts';
import type { WriteThroughCache } from '../observed-state/write-through-cache.ts';
import { applyAssociationStep, type AssociationTools } from './apply-association-step.ts';
import { proveIdentity } from './prove-identity.ts';
import type { RoleCache } from '../observed-state/roles.ts';
import { createServiceAccount, deleteServiceAccount, patchServiceAccount } from './service-account-link.ts';
import { isBeingDeleted, type Namespace } from './target-observation.ts';
import type { Monotonic } from '../../k8s/time.ts';

export type StepTools = AssociationTools & {
  readonly client: KubeClient;
  readonly roles: RoleStore;
  readonly prover: IdentityProver;
  readonly beliefs: RoleCache;
  readonly accounts: WriteThroughCache<LinkedServiceAccount>;
  readonly serviceAccounts: WriteThroughCache<KubeObject>;
  readonly now: () => Monotonic;
};

/** @throws IdentityError */
export async function applyStep(
  step: Step,
  account: LinkedServiceAccount,
  tools: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { roles, beliefs } = tools;
  const changed = (
    role: string,
    change: (before: ObservedRole) => ObservedRole,
    what: 'trust' | 'other' = 'other',
  ): void => {
    beliefs.wrote(role, (before) => (before ? change(before) : before), what);
  };
  switch (step.kind) {
    case 'AddFinalizer':
      return writeFinalizer(addFinalizer, account, tools, signal);
    case 'RemoveFinalizer':
      await assertNoUnseenLink(account, tools, signal);
      return writeFinalizer(removeFinalizer, account, tools, signal);
    case 'ReadRole':
      return readRole(step.role, tools, signal);
    case 'CreateRole': {
      let created: { arn: string; id: string };
      await assertStillThere(account, tools, signal);
      try {
        created = await roles.create(step.spec, signal);
      } catch (error) {
        // The answer may have been lost after the deed: that there is no role is no longer known.
        beliefs.perhapsCreated(step.role, step.spec.tags);
        throw error;
      }
      const { name, path, trustPolicy, maxSessionDuration, tags, permissionsBoundaryArn } = step.spec;
      const role: ObservedRole = {
        name,
        arn: created.arn,
        id: created.id,
        path,
        trustPolicy,
        attachedPolicyArns: [],
        inlinePolicyNames: [],
        maxSessionDuration,
        tags,
        ...(permissionsBoundaryArn === undefined ? {} : { permissionsBoundaryArn }),
      };
      beliefs.wrote(step.role, () => role, 'trust');
      return;
    }
    case 'DeleteRole':
      await forgettingUnlessAnswered(step.role, tools, () => roles.delete(step.role, signal));
      beliefs.wrote(step.role, () => null, 'other');
      return;
    case 'UpdateTrustPolicy':
      await forgettingLostRole(step.role, tools, () =>
        roles.updateTrustPolicy(step.role, step.trustPolicy, signal),
      );
      changed(step.role, (role) => ({ ...role, trustPolicy: step.trustPolicy }), 'trust');
      return;
    case 'AttachPolicy':
      await forgettingLostRole(step.role, tools, () => roles.attachPolicy(step.role, step.policyArn, signal));
      changed(step.role, (role) => ({
        ...role,
        attachedPolicyArns: [...new Set([...role.attachedPolicyArns, step.policyArn])],
      }));
      return;
    case 'DetachPolicy':
      await forgettingLostRole(step.role, tools, () => roles.detachPolicy(step.role, step.policyArn, signal));
      changed(step.role, (role) => ({
        ...role,
        attachedPolicyArns: role.attachedPolicyArns.filter((arn) => arn !== step.policyArn),
      }));
      return;
    case 'DeleteInlinePolicy':
      await forgettingLostRole(step.role, tools, () =>
        roles.deleteInlinePolicy(step.role, step.policyName, signal),
      );
      changed(step.role, (role) => ({
        ...role,
        inlinePolicyNames: role.inlinePolicyNames.filter((name) => name !== step.policyName),
      }));
      return;
    case 'PutPermissionsBoundary':
      await forgettingLostRole(step.role, tools, () =>
        roles.putPermissionsBoundary(step.role, step.policyArn, signal),
      );
      changed(step.role, (role) => ({ ...role, permissionsBoundaryArn: step.policyArn }));
      return;
    case 'DeletePermissionsBoundary':
      await forgettingLostRole(step.role, tools, () => roles.deletePermissionsBoundary(step.role, signal));
      changed(step.role, ({ permissionsBoundaryArn: _, ...role }) => role);
      return;
    case 'UpdateMaxSessionDuration':
      await forgettingLostRole(step.role, tools, () =>
        roles.updateMaxSessionDuration(step.role, step.seconds, signal),
      );
      changed(step.role, (role) => ({ ...role, maxSessionDuration: step.seconds }));
      return;
    case 'TagRole':
      if (!isOurs(step.role, account, tools)) return takeOver(step, account, tools, signal);
      return tag(step, tools, signal);
    case 'UntagRole':
      await forgettingUnlessAnswered(step.role, tools, () =>
        forgettingLostRole(step.role, tools, () => roles.untag(step.role, step.keys, signal)),
      );
      changed(step.role, (role) => ({
        ...role,
        tags: withoutTags(role.tags, step.keys),
      }));
      return;
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
    case 'ProveIdentity':
      return proveIdentity(step, account, tools, signal);
    case 'CreateAssociation':
      await assertNotEnded(account, tools, signal);
      return applyAssociationStep(step, account, tools, signal);
    case 'ReadAssociation':
    case 'UpdateAssociation':
    case 'TagAssociation':
    case 'DeleteAssociation':
    case 'ConfirmAssociation':
      return applyAssociationStep(step, account, tools, signal);
  }
}

/**
 * Our view of the account may be old: a process that has just taken the lead may not have heard yet that the one before it
 * brought the account to its end. Nothing would ever remove what is made for it then, so the API server is asked, unless it
 * has just said so: once we have written the finalizer, only we can bring the account to its end.
 *
 * @throws IdentityError `KubernetesConflict`
 */
async function assertStillThere(
  account: LinkedServiceAccount,
  tools: StepTools,
  signal: AbortSignal,
): Promise<void> {
  if (!tools.accounts.isFresh(account.metadata.name, account)) await readAccount(account, tools, signal);
}

/**
 * As `assertStillThere`, for what is created where the role seems to exist, which listings of AWS may show for a while after its
 * end. One answer of the API server about the account is enough for as long as this process leads.
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
  let present: LinkedServiceAccount;
  try {
    present = await client.get<LinkedServiceAccount>(linkedServiceAccounts, { name }, { signal });
  } catch (error) {
    throw classifyKubeError(error, `look whether the account ${name} is still there`);
  }
  // While pods use it, an account under deletion is kept in sync; one whose deletion the store does not show yet may have ended.
  const deleted = present.metadata.deletionTimestamp !== undefined && deletionTimestamp === undefined;
  if (present.metadata.uid !== uid || deleted || !hasFinalizer(present, accountFinalizer))
    throw new IdentityError('KubernetesConflict', `the account ${name} was deleted meanwhile`);
  accounts.saw(name, present);
}

/**
 * A creation whose answer was lost, or one by the previous process, may have left a ServiceAccount that no watch has reported yet, also
 * in a namespace that was deleted and created again meanwhile. Nothing removes it once the finalizer is gone, so the API
 * server is asked. A namespace that is being deleted takes its ServiceAccounts along.
 *
 * @throws IdentityError `KubernetesConflict`; the next plan sees what was found
 */
async function assertNoUnseenLink(
  account: LinkedServiceAccount,
  { client, serviceAccounts }: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  const labelSelector = `${accountLabel}=${accountLabelValue(name)}`;
  let items: readonly KubeObject[];
  try {
    items = (await client.list<KubeObject>(resources.serviceAccounts, { labelSelector, signal })).items;
  } catch (error) {
    throw classifyKubeError(error, `look for ServiceAccounts of ${name}`);
  }
  const linked = items.filter(({ metadata }) => metadata.name === name);
  if (linked.length === 0) return;
  for (const object of linked)
    serviceAccounts.wrote(`${object.metadata.namespace ?? ''}/${name}`, trimServiceAccount(object));
  const going = await namespacesBeingDeleted(client, signal);
  const left = linked.flatMap(({ metadata: { namespace = '' } }) =>
    going.has(namespace) ? [] : [namespace],
  );
  if (left.length > 0)
    throw new IdentityError(
      'KubernetesConflict',
      `the account ${name} is still linked in ${left.join(', ')}`,
    );
}

/** Namespaces that are being deleted, and their ServiceAccounts with them, as the API server knows now. */
async function namespacesBeingDeleted(
  client: StepTools['client'],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  try {
    const { items } = await client.list<Namespace>(resources.namespaces, { signal });
    return new Set(items.filter(isBeingDeleted).map(({ metadata }) => metadata.name));
  } catch (error) {
    throw classifyKubeError(error, 'list the namespaces');
  }
}

async function tag(
  { role: name, tags }: Extract<Step, { readonly kind: 'TagRole' }>,
  tools: StepTools,
  signal: AbortSignal,
): Promise<void> {
  await forgettingLostRole(name, tools, () => tools.roles.tag(name, tags, signal));
  tools.beliefs.wrote(name, (role) => role && { ...role, tags: withTags(role.tags, tags) }, 'other');
}

/**
 * IAM lets two accounts mark one role as theirs, and the last one stands. So they do it one after the other, and the second
 * then sees that there is nothing to take over.
 *
 * @throws IdentityError `ConcurrentChange`
 */
async function takeOver(
  step: Extract<Step, { readonly kind: 'TagRole' }>,
  account: LinkedServiceAccount,
  tools: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { beliefs } = tools;
  const { name } = account.metadata;
  const first = beliefs.reserve(step.role, name);
  if (first !== name)
    throw new IdentityError(
      'ConcurrentChange',
      `the role ${step.role} is being taken over by the account ${first}`,
    );
  try {
    await assertStillThere(account, tools, signal);
    await tag(step, tools, signal);
  } finally {
    beliefs.release(step.role);
  }
}

/** Whether the role bears the marks of this very account, so that its end would find it. */
function isOurs(name: string, { metadata }: LinkedServiceAccount, { beliefs }: StepTools): boolean {
  const role = beliefs.roleOf(name);
  return role !== undefined && taggedOwner(role.tags)?.account === metadata.name;
}

async function readRole(
  name: string,
  { roles, beliefs, now }: StepTools,
  signal: AbortSignal,
): Promise<void> {
  // A listing tells of inline policies too: where it showed none, there is no need to ask for them.
  const inlinePolicyNames = beliefs.roleOf(name)?.inlinePolicyNames;
  const known = inlinePolicyNames?.length === 0 ? { inlinePolicyNames } : {};
  const startedAt = now();
  beliefs.read(name, await roles.read(name, signal, known), startedAt);
}

/**
 * A role that turns out to be gone is known to be gone from here on, so that the next plan makes it again. After a write
 * that was not answered the role is looked at in a while: the next plan may want the contrary, and would find it done.
 */
async function forgettingLostRole(
  name: string,
  { beliefs }: StepTools,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (error instanceof IdentityError && error.code === 'RoleNotFound') beliefs.missed(name);
    if (asIdentityError(error).mayBeDone) beliefs.doubt(name);
    throw error;
  }
}

/**
 * After these writes the role may be gone, or no longer ours; what is there then may be somebody else's. So one that was
 * not answered is not repeated before the role has been looked at.
 */
async function forgettingUnlessAnswered(
  name: string,
  { beliefs }: StepTools,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (asIdentityError(error).mayBeDone) beliefs.forget(name);
    throw error;
  }
}

async function writeFinalizer(
  change: typeof addFinalizer,
  account: LinkedServiceAccount,
  { client, accounts }: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  try {
    const written = await change(client, linkedServiceAccounts, account, accountFinalizer, {
      fieldManager,
      signal,
    });
    // The last finalizer gone, the object is gone as well.
    if (
      !written ||
      (written.metadata.deletionTimestamp !== undefined && !written.metadata.finalizers?.length)
    ) {
      accounts.deleted(name, written ?? account);
    } else accounts.wrote(name, written);
  } catch (error) {
    throw classifyKubeError(error, `write the finalizers of ${name}`);
  }
}
