/** Steps of an installation. Each step reports whether its object still has to be written. */
import { isDeepStrictEqual } from 'node:util';
import type { InstallationStore } from '../../aws/installation.ts';
import { allowDeletionAnnotation, stsAudience } from '../../api/labels.ts';
import { tagValue } from '../../identity/desired/tags.ts';
import { sameDocument } from '../../identity/desired/trust.ts';
import type { RoleSpec } from '../../identity/state/world.ts';
import type { RoleStore } from '../../identity/state/ports.ts';
import {
  isAlreadyExists,
  isConflict,
  resources,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '../../kube/index.ts';
import { clusterConfigs } from '../../api/resources.ts';
import { CliError } from '../framework/errors.ts';
import { orMissing } from '../cluster/objects.ts';
import { waitCommand } from '../framework/wait/deleted-objects.ts';
import type { DiscoveredCluster } from './discover.ts';
import { installedTag, operatorPolicyName } from './operator-role.ts';

export type Step = {
  /** Display name of the object: `IAM role x`. */
  readonly object: string;
  /** `present`: the step has nothing to do. */
  readonly state: 'missing' | 'differs' | 'present';
  /** @param onDone receives a description of each write of a step with several writes, before the next write */
  readonly perform: (onDone: (what: string) => void) => Promise<void>;
};

export const fieldManager = 'kon-install';

const kinds: Readonly<Record<string, Resource>> = Object.fromEntries(
  [
    resources.namespaces,
    resources.serviceAccounts,
    resources.clusterRoles,
    resources.clusterRoleBindings,
    resources.roles,
    resources.roleBindings,
    resources.validatingAdmissionPolicies,
    resources.validatingAdmissionPolicyBindings,
    resources.customResourceDefinitions,
    resources.deployments,
    resources.podDisruptionBudgets,
    resources.networkPolicies,
    clusterConfigs,
  ].map((resource) => [resource.kind, resource]),
);

export function resourceOf(object: KubeObject): Resource {
  const resource = kinds[object.kind];
  if (!resource) throw new Error(`no API resource for kind ${object.kind}`);
  return resource;
}

export function describeObject({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
}

export async function providerStep(
  cluster: DiscoveredCluster,
  aws: InstallationStore,
  signal: AbortSignal,
): Promise<Step> {
  const { providerArn, issuer } = cluster;
  const object = `IAM OIDC provider ${providerArn}`;
  const provider = await aws.provider(providerArn, signal);
  if (!provider)
    return {
      object,
      state: 'missing',
      perform: () =>
        aws.createProvider(
          { issuer, clientId: stsAudience, tags: { [installedTag]: cluster.clusterArn } },
          signal,
        ),
    };
  return provider.clientIds.includes(stsAudience)
    ? { object, state: 'present', perform: async () => undefined }
    : { object, state: 'differs', perform: () => aws.addClientId(providerArn, stsAudience, signal) };
}

/** @throws CliError of code CONFLICT when a foreign role has the name */
export async function roleStep(
  of: { readonly spec: RoleSpec; readonly policy: string; readonly clusterArn: string },
  aws: { readonly roles: RoleStore; readonly installation: InstallationStore },
  signal: AbortSignal,
): Promise<Step> {
  const { spec, policy } = of;
  const { roles, installation } = aws;
  const object = `IAM role ${spec.name}`;
  const put = (): Promise<void> =>
    installation.putInlinePolicy(spec.name, operatorPolicyName, policy, signal);
  const role = await roles.read(spec.name, signal);
  if (!role)
    return {
      object,
      state: 'missing',
      perform: async (onDone) => {
        await roles.create(spec, signal);
        onDone(`${object} without its policy`);
        await put();
      },
    };
  if (tagValue(role.tags, installedTag) !== of.clusterArn)
    throw new CliError(
      'CONFLICT',
      `role ${role.arn} exists, but was not created by an installation of this cluster`,
      {
        details: [`The role lacks the tag ${installedTag}=${of.clusterArn}.`],
        next: ['Delete the role, or add this tag, which hands the role over to the operator.'],
      },
    );
  const current = role.inlinePolicyNames.includes(operatorPolicyName)
    ? await installation.inlinePolicy(spec.name, operatorPolicyName, signal)
    : undefined;
  const boundary = spec.permissionsBoundaryArn;
  const isBound = boundary === undefined || role.permissionsBoundaryArn === boundary;
  const tags = Object.fromEntries(
    Object.entries(spec.tags).filter(([key, value]) => tagValue(role.tags, key) !== value),
  );
  const isTagged = Object.keys(tags).length === 0;
  const trusts = sameDocument(role.trustPolicy, spec.trustPolicy);
  const allows = current !== undefined && sameDocument(current, policy);
  return {
    object,
    state: isBound && isTagged && trusts && allows ? 'present' : 'differs',
    perform: async (onDone) => {
      // The boundary is written before anything that could widen the role's permissions.
      if (!isBound) {
        await roles.putPermissionsBoundary(spec.name, boundary, signal);
        onDone(`boundary of the ${object}`);
      }
      if (!isTagged) {
        await roles.tag(spec.name, tags, signal);
        onDone(`tags of the ${object}`);
      }
      if (!trusts) {
        await roles.updateTrustPolicy(spec.name, spec.trustPolicy, signal);
        onDone(`trust policy of the ${object}`);
      }
      if (!allows) await put();
    },
  };
}

/** Applies an object with server-side apply. A dry run determines first whether the apply would change anything. */
export async function objectStep(client: KubeClient, object: KubeObject, signal: AbortSignal): Promise<Step> {
  const resource = resourceOf(object);
  const { name, namespace } = object.metadata;
  const ref = { name, ...(namespace === undefined ? {} : { namespace }) };
  const apply = async (dryRun: boolean): Promise<KubeObject> => {
    try {
      return await client.apply(resource, object, { fieldManager, dryRun, signal });
    } catch (error) {
      if (!isConflict(error)) throw error;
      throw new CliError('CONFLICT', `${describeObject(object)} has fields that another tool manages`, {
        details: [error.message],
        next: [
          'Configure that tool to no longer manage the object. Or install Konstellation with that tool; kon install --dry-run prints all manifests.',
        ],
        cause: error,
      });
    }
  };
  const step = (state: Step['state']): Step => ({
    object: describeObject(object),
    state,
    perform: async () => {
      await apply(false);
    },
  });
  const live = await orMissing(client.get<KubeObject>(resource, ref, { signal }));
  if (!live) return step('missing');
  // Nothing can be created in a terminating namespace. The API server would report this as forbidden, like a missing
  // permission.
  if (live.metadata.deletionTimestamp !== undefined)
    throw new CliError('CLUSTER_NOT_READY', `${describeObject(object)} is being deleted`, {
      details: ['The contents of the namespace are deleted first, which takes a while.'],
      next: [
        `To wait until the deletion is complete: ${waitCommand({ resource, object })}`,
        'Then run kon install again.',
      ],
    });
  const applied = await apply(true);
  return step(isDeepStrictEqual(comparable(live), comparable(applied)) ? 'present' : 'differs');
}

export function presentStep(object: KubeObject): Step {
  return { object: describeObject(object), state: 'present', perform: async () => undefined };
}

/** Creates an object, but leaves an existing object unchanged, even if it was created in the meantime. */
export async function newObjectStep(
  client: KubeClient,
  object: KubeObject,
  signal: AbortSignal,
): Promise<Step> {
  const resource = resourceOf(object);
  const live = await orMissing(client.get<KubeObject>(resource, { name: object.metadata.name }, { signal }));
  if (live) return presentStep(object);
  return {
    object: describeObject(object),
    state: 'missing',
    perform: async () => {
      try {
        await client.create(resource, object, { fieldManager, signal });
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
      }
    },
  };
}

/**
 * Applies a CRD, and removes the annotation that allows the CRD's deletion, if an interrupted uninstallation left it.
 */
export async function crdStep(client: KubeClient, crd: KubeObject, signal: AbortSignal): Promise<Step> {
  const { name } = crd.metadata;
  const resource = resources.customResourceDefinitions;
  const step = await objectStep(client, crd, signal);
  const live = await orMissing(client.get<KubeObject>(resource, { name }, { signal }));
  if (live?.metadata.annotations?.[allowDeletionAnnotation] === undefined) return step;
  const patch = { metadata: { annotations: { [allowDeletionAnnotation]: null } } };
  return {
    ...step,
    state: 'differs',
    perform: async (onDone) => {
      await step.perform(onDone);
      await client.patch(resource, { name }, patch, { type: 'merge', fieldManager, signal });
    },
  };
}

function comparable(object: KubeObject): unknown {
  const {
    managedFields: _fields,
    resourceVersion: _version,
    generation: _generation,
    ...metadata
  } = object.metadata;
  const { status: _status, ...rest } = object as KubeObject & { readonly status?: unknown };
  return { ...rest, metadata };
}
