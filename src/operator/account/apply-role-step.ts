/** Executes steps on IAM roles and caches their results. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import {
  asIdentityError,
  IdentityError,
  inlinePolicyName,
  podDenialName,
  uidsIn,
  taggedOwner,
  type RoleStep,
  type RoleStore,
  type RoleWrite,
  type StepOf,
} from '../../identity/index.ts';
import type { StepTools } from './step-tools.ts';

type RoleTools = Pick<StepTools, 'roles' | 'roleCache' | 'now'>;

/**
 * @param assertAccount checks that the account still exists. Called before a role is created or adopted
 * @param assertDenied checks that the given pod UIDs include every quarantined pod of the account. Called before a role
 * denies exactly these pods
 * @throws IdentityError
 */
export async function applyRoleStep(
  step: RoleStep,
  account: LinkedServiceAccount,
  tools: RoleTools,
  assertAccount: () => Promise<void>,
  assertDenied: (uids: readonly string[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  if (step.kind === 'ReadRole') return readRole(step.role, tools, signal);
  if (step.kind === 'TagRole' && !isOurs(step.role, account, tools))
    return adopt(step, account, tools, assertAccount, signal);
  if (step.kind === 'CreateRole') await assertAccount();
  if (step.kind === 'PutPodDenial') await assertDenied(uidsIn(step.document));
  if (step.kind === 'DeletePodDenial') await assertDenied([]);
  await writeAndCache(step, tools, signal);
}

async function writeAndCache(
  step: RoleWrite,
  { roles, roleCache }: RoleTools,
  signal: AbortSignal,
): Promise<void> {
  try {
    const created = step.kind === 'CreateRole' ? await roles.create(step.spec, signal) : undefined;
    if (step.kind !== 'CreateRole') await write(step, roles, signal);
    roleCache.applied(step, created);
  } catch (error) {
    roleCache.failed(step, asIdentityError(error));
    throw error;
  }
}

function write(
  step: Exclude<RoleWrite, { readonly kind: 'CreateRole' }>,
  roles: RoleStore,
  signal: AbortSignal,
): Promise<void> {
  const { role } = step;
  switch (step.kind) {
    case 'DeleteRole':
      return roles.delete(role, signal);
    case 'UpdateTrustPolicy':
      return roles.updateTrustPolicy(role, step.trustPolicy, signal);
    case 'AttachPolicy':
      return roles.attachPolicy(role, step.policyArn, signal);
    case 'DetachPolicy':
      return roles.detachPolicy(role, step.policyArn, signal);
    case 'PutInlinePolicy':
      return roles.putInlinePolicy(role, inlinePolicyName, step.document, signal);
    case 'PutPodDenial':
      return roles.putInlinePolicy(role, podDenialName, step.document, signal);
    case 'DeletePodDenial':
      return roles.deleteInlinePolicy(role, podDenialName, signal);
    case 'DeleteInlinePolicy':
      return roles.deleteInlinePolicy(role, step.policyName, signal);
    case 'PutPermissionsBoundary':
      return roles.putPermissionsBoundary(role, step.policyArn, signal);
    case 'DeletePermissionsBoundary':
      return roles.deletePermissionsBoundary(role, signal);
    case 'UpdateRole':
      return roles.updateSettings(role, step.settings, signal);
    case 'TagRole':
      return roles.tag(role, step.tags, signal);
    case 'UntagRole':
      return roles.untag(role, step.keys, signal);
  }
}

/**
 * Adds the account's ownership tags to an existing role. IAM would let two accounts tag the same role, and the last
 * write would win. Therefore only one account at a time adopts a role, and the next account then sees that the role has
 * an owner.
 *
 * @throws IdentityError `ConcurrentChange`
 */
async function adopt(
  step: StepOf<'TagRole'>,
  account: LinkedServiceAccount,
  tools: RoleTools,
  assertAccount: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { roleCache } = tools;
  const { name } = account.metadata;
  const first = roleCache.reserve(step.role, name);
  if (first !== name)
    throw new IdentityError(
      'ConcurrentChange',
      `the account "${first}" is adopting the role "${step.role}" at the same time`,
    );
  try {
    await assertAccount();
    await writeAndCache(step, tools, signal);
  } finally {
    roleCache.release(step.role);
  }
}

/** Whether the role already has the ownership tags of this account, so that the account's deletion finds the role. */
function isOurs(name: string, { metadata }: LinkedServiceAccount, { roleCache }: RoleTools): boolean {
  const role = roleCache.roleOf(name);
  return role !== undefined && taggedOwner(role.tags)?.account === metadata.name;
}

async function readRole(
  name: string,
  { roles, roleCache, now }: RoleTools,
  signal: AbortSignal,
): Promise<void> {
  // A role listing includes the names of inline policies. If the listing showed none, this read does not list inline
  // policies again.
  const inlinePolicyNames = roleCache.roleOf(name)?.inlinePolicyNames;
  const known = inlinePolicyNames?.length === 0 ? { inlinePolicyNames } : {};
  const startedAt = now();
  roleCache.read(name, await roles.read(name, signal, known), startedAt);
}
