/** Carries out one step of a plan, and notes what it made so. The only writer on the account's behalf. */
import {
  accountFinalizer,
  accountLabel,
  createdAnnotation,
  fieldManager,
  linkedServiceAccounts,
  managedByLabel,
  managedByValue,
  roleArnAnnotation,
  stsAudience,
  type LinkedServiceAccount,
} from '../../api/index.ts';
import {
  accountLabelValue,
  IdentityError,
  type IdentityProver,
  type ObservedRole,
  type ObservedServiceAccount,
  type RoleStore,
  type Step,
} from '../../identity/index.ts';
import { isNotFound, resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { trimServiceAccount } from '../context.ts';
import { classifyKubeError } from '../kube-failures.ts';
import type { OwnWrites } from '../own-writes.ts';
import type { RoleBeliefs } from './role-beliefs.ts';

export type StepTools = {
  readonly client: KubeClient;
  readonly roles: RoleStore;
  readonly prover: IdentityProver;
  readonly beliefs: RoleBeliefs;
  readonly accounts: OwnWrites<LinkedServiceAccount>;
  readonly serviceAccounts: OwnWrites<KubeObject>;
};

/** The API server issues no token for less. Source: TokenRequest, expirationSeconds. Seconds. */
const shortestToken = 600;

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
      return patchFinalizers(
        account,
        [...(account.metadata.finalizers ?? []), accountFinalizer],
        tools,
        signal,
      );
    case 'RemoveFinalizer': {
      const finalizers = (account.metadata.finalizers ?? []).filter(
        (finalizer) => finalizer !== accountFinalizer,
      );
      return patchFinalizers(account, finalizers, tools, signal);
    }
    case 'ReadRole':
      beliefs.read(step.role, await readRole(step.role, tools, signal));
      return;
    case 'CreateRole': {
      let created: { arn: string; id: string };
      try {
        created = await roles.create(step.spec, signal);
      } catch (error) {
        // The answer may have been lost after the deed: that there is no role is no longer known.
        beliefs.forget(step.role);
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
      await roles.delete(step.role, signal);
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
      await roles.detachPolicy(step.role, step.policyArn, signal);
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
      await forgettingLostRole(step.role, tools, () => roles.tag(step.role, step.tags, signal));
      changed(step.role, (role) => ({ ...role, tags: { ...role.tags, ...step.tags } }));
      return;
    case 'UntagRole':
      await forgettingLostRole(step.role, tools, () => roles.untag(step.role, step.keys, signal));
      changed(step.role, (role) => ({
        ...role,
        tags: Object.fromEntries(Object.entries(role.tags).filter(([key]) => !step.keys.includes(key))),
      }));
      return;
    case 'CreateServiceAccount':
      return createServiceAccount(account, step.target, step.roleArn, tools, signal);
    case 'LinkServiceAccount':
      return patchServiceAccount(
        account,
        step.target,
        step.serviceAccount,
        { [roleArnAnnotation]: step.roleArn },
        {},
        tools,
        signal,
      );
    case 'UnlinkServiceAccount':
      return patchServiceAccount(
        account,
        step.target,
        step.serviceAccount,
        { [roleArnAnnotation]: null },
        { [accountLabel]: null },
        tools,
        signal,
      );
    case 'DeleteServiceAccount':
      return deleteServiceAccount(account, step.target, step.serviceAccount, tools, signal);
    case 'ProveIdentity':
      return proveIdentity(account, step.target, step.roleArn, tools, signal);
  }
}

async function readRole(
  name: string,
  { roles }: StepTools,
  signal: AbortSignal,
): Promise<ObservedRole | undefined> {
  return roles.read(name, signal);
}

/** A role that turns out to be gone is known to be gone from here on, so that the next plan makes it again. */
async function forgettingLostRole(
  name: string,
  { beliefs }: StepTools,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (error instanceof IdentityError && error.code === 'RoleNotFound') beliefs.read(name, undefined);
    throw error;
  }
}

/** With the version it was read at: a list is replaced as a whole, and someone else's finalizer must not be lost. */
async function patchFinalizers(
  account: LinkedServiceAccount,
  finalizers: readonly string[],
  { client, accounts }: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { name, uid, resourceVersion } = account.metadata;
  try {
    const patch = { metadata: { uid, resourceVersion, finalizers } };
    const written = await client.patch<LinkedServiceAccount>(linkedServiceAccounts, { name }, patch, {
      type: 'merge',
      fieldManager,
      signal,
    });
    // The last finalizer gone, the object is gone as well.
    if (written.metadata.deletionTimestamp !== undefined && finalizers.length === 0)
      accounts.deleted(name, written);
    else accounts.wrote(name, written);
  } catch (error) {
    throw classifyKubeError(error, `write the finalizers of ${name}`);
  }
}

/** Created, never applied: what exists already is somebody's, and an apply would quietly join it. */
async function createServiceAccount(
  account: LinkedServiceAccount,
  namespace: string,
  roleArn: string,
  { client, serviceAccounts }: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: {
      namespace,
      name,
      labels: { [managedByLabel]: managedByValue, [accountLabel]: accountLabelValue(name) },
      annotations: { [roleArnAnnotation]: roleArn, [createdAnnotation]: 'true' },
    },
  };
  try {
    const created = await client.create(resources.serviceAccounts, object, { fieldManager, signal });
    serviceAccounts.wrote(`${namespace}/${name}`, trimServiceAccount(created));
  } catch (error) {
    throw classifyKubeError(error, `create ServiceAccount ${namespace}/${name}`);
  }
}

async function patchServiceAccount(
  account: LinkedServiceAccount,
  namespace: string,
  observed: ObservedServiceAccount,
  annotations: Readonly<Record<string, string | null>>,
  labels: Readonly<Record<string, string | null>>,
  { client, serviceAccounts }: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  const patch = {
    metadata: { uid: observed.uid, resourceVersion: observed.resourceVersion, annotations, labels },
  };
  try {
    const options = { type: 'merge', fieldManager, signal } as const;
    const written = await client.patch<KubeObject>(
      resources.serviceAccounts,
      { namespace, name },
      patch,
      options,
    );
    serviceAccounts.wrote(`${namespace}/${name}`, trimServiceAccount(written));
  } catch (error) {
    throw classifyKubeError(error, `write ServiceAccount ${namespace}/${name}`);
  }
}

async function deleteServiceAccount(
  account: LinkedServiceAccount,
  namespace: string,
  observed: ObservedServiceAccount,
  { client, serviceAccounts }: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  const { uid, resourceVersion } = observed;
  try {
    await client.delete(resources.serviceAccounts, { namespace, name }, { uid, signal });
  } catch (error) {
    if (!isNotFound(error)) throw classifyKubeError(error, `delete ServiceAccount ${namespace}/${name}`);
  }
  serviceAccounts.deleted(`${namespace}/${name}`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace, name, uid, resourceVersion },
  });
}

async function proveIdentity(
  account: LinkedServiceAccount,
  namespace: string,
  roleArn: string,
  { client, prover }: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  const spec = { audiences: [stsAudience], expirationSeconds: shortestToken };
  let token: string;
  try {
    ({ token } = await client.createToken({ namespace, name }, spec, { signal }));
  } catch (error) {
    const message = `request a token of ${namespace}/${name}: ${error instanceof Error ? error.message : String(error)}`;
    throw new IdentityError('TokenRequestFailed', message, { cause: error });
  }
  await prover.prove({ token, roleArn, sessionName: 'konstellation-proof' }, signal);
}
