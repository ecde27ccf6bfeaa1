/** Store of IAM roles that makes as few calls as possible. */
import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetAccountAuthorizationDetailsCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
  type IAMClient,
  type Role,
  type RoleDetail,
  type Tag,
} from '@aws-sdk/client-iam';
import {
  hasOurTags,
  IdentityError,
  inlinePolicyName,
  roleUse,
  podDenialName,
  type ObservedRole,
  type RoleSettings,
  type RoleStore,
} from '../identity/index.ts';
import { senderOf, type Calls } from './calls.ts';
import { allPages, type Paging } from './iam-paging.ts';
import { withReducedListing, type ReductionOptions } from './role-listing.ts';
import { defined } from '../k8s/defined.ts';
import type { Monotonic } from '../k8s/time.ts';

/** Maximum page size of IAM. Source: GetAccountAuthorizationDetails, MaxItems. */
const MaxItems = 1000;

export function createIamRoleStore(options: {
  readonly iam: IAMClient;
  readonly calls: Calls;
  /** Calls for listings, which have a separate rate limit. */
  readonly listingCalls: Calls;
  readonly now: () => Monotonic;
  readonly releaseBuffers?: ReductionOptions['releaseBuffers'];
}): RoleStore {
  const { iam, calls, listingCalls, now, releaseBuffers } = options;

  const send = senderOf(iam, calls);
  const sendListing = senderOf(iam, listingCalls);

  const attachedPolicies = async (name: string, signal?: AbortSignal): Promise<string[]> => {
    const call = { action: 'ListAttachedRolePolicies', on: name, read: true, signal } as const;
    const pages = await allPages((paging) =>
      send(
        pageOf(call, paging),
        new ListAttachedRolePoliciesCommand({ RoleName: name, MaxItems, ...paging }),
      ),
    );
    return pages.flatMap((page) => (page.AttachedPolicies ?? []).flatMap(({ PolicyArn }) => PolicyArn ?? []));
  };

  const inlinePolicies = async (name: string, signal?: AbortSignal): Promise<string[]> => {
    const call = { action: 'ListRolePolicies', on: name, read: true, signal } as const;
    const pages = await allPages((paging) =>
      send(pageOf(call, paging), new ListRolePoliciesCommand({ RoleName: name, MaxItems, ...paging })),
    );
    return pages.flatMap((page) => page.PolicyNames ?? []);
  };

  /** Returns the document of an inline policy, or undefined if the policy was deleted after the names were listed. */
  const inlineDocument = async (
    name: string,
    policyName: string,
    signal?: AbortSignal,
  ): Promise<string | undefined> => {
    try {
      const on = `${name} (${policyName})`;
      const { PolicyDocument: document } = await send(
        { action: 'GetRolePolicy', on, read: true, signal },
        new GetRolePolicyCommand({ RoleName: name, PolicyName: policyName }),
      );
      return document === undefined ? undefined : decodeURIComponent(document);
    } catch (error) {
      if (error instanceof IdentityError && ['RoleNotFound', 'PolicyNotFound'].includes(error.code))
        return undefined;
      throw error;
    }
  };

  return {
    async read(name, signal, known = {}) {
      try {
        const [{ Role: role }, attachedPolicyArns, inlinePolicyNames] = await Promise.all([
          send({ action: 'GetRole', on: name, read: true, signal }, new GetRoleCommand({ RoleName: name })),
          known.attachedPolicyArns ?? attachedPolicies(name, signal),
          known.inlinePolicyNames ?? inlinePolicies(name, signal),
        ]);
        if (!role) return undefined;
        const documentOf = async (policyName: string, text?: string): Promise<string | undefined> =>
          inlinePolicyNames.includes(policyName)
            ? (text ?? inlineDocument(name, policyName, signal))
            : undefined;
        const [inlinePolicy, podDenial] = await Promise.all([
          documentOf(inlinePolicyName, known.inlinePolicy),
          documentOf(podDenialName, known.podDenial),
        ]);
        const deletedNames = new Set([
          ...(inlinePolicy === undefined ? [inlinePolicyName] : []),
          ...(podDenial === undefined ? [podDenialName] : []),
        ]);
        const boundary = role.PermissionsBoundary?.PermissionsBoundaryArn;
        return {
          name: role.RoleName ?? name,
          arn: role.Arn ?? '',
          id: role.RoleId ?? '',
          path: role.Path ?? '/',
          trustPolicy: decodeURIComponent(role.AssumeRolePolicyDocument ?? ''),
          attachedPolicyArns,
          inlinePolicyNames: inlinePolicyNames.filter((each) => !deletedNames.has(each)),
          ...defined({ inlinePolicy, podDenial, permissionsBoundaryArn: boundary }),
          ...settingsOutput(role),
          tags: tagMap(role.Tags),
          ...useOutput(role),
        };
      } catch (error) {
        if (error instanceof IdentityError && error.code === 'RoleNotFound') return undefined;
        throw error;
      }
    },

    async snapshot(signal, isNamedNow) {
      const startedAt = now();
      const isNamed = isNamedNow && cachedByName(isNamedNow);
      const call = { action: 'GetAccountAuthorizationDetails', read: true, signal } as const;
      let showsBoundaries = false;
      // Each page is reduced to the needed roles before the next page is requested, which saves memory.
      const pages = await allPages(async (paging) => {
        const command = new GetAccountAuthorizationDetailsCommand({ Filter: ['Role'], MaxItems, ...paging });
        const page = await sendListing(
          pageOf(call, paging),
          withReducedListing(command, { isNamed, releaseBuffers }),
        );
        const listed = (page.RoleDetailList ?? []).map(fromDetail);
        showsBoundaries ||= listed.some((role) => role.permissionsBoundaryArn !== undefined);
        const roles = isNamed ? listed.filter(({ name, tags }) => hasOurTags(tags) || isNamed(name)) : listed;
        return { IsTruncated: page.IsTruncated, Marker: page.Marker, roles };
      });
      return {
        roles: pages.flatMap(({ roles }) => roles),
        startedAt,
        pages: pages.length,
        ...(showsBoundaries ? {} : { withoutBoundaries: true }),
      };
    },

    create: async (spec, signal) => {
      const command = new CreateRoleCommand({
        RoleName: spec.name,
        Path: spec.path,
        AssumeRolePolicyDocument: spec.trustPolicy,
        ...settingsInput(spec),
        Tags: tagList(spec.tags),
        ...defined({ PermissionsBoundary: spec.permissionsBoundaryArn }),
      });
      const { Role: role } = await send({ action: 'CreateRole', on: spec.name, signal }, command);
      // The response of CreateRole omits RoleLastUsed, which would mean that the last use is unknown. A new role has
      // never been used, so an empty RoleLastUsed is added.
      const use = useOutput({ CreateDate: role?.CreateDate, RoleLastUsed: {} });
      return { arn: role?.Arn ?? '', id: role?.RoleId ?? '', ...use };
    },

    async delete(name, signal) {
      await gone(send({ action: 'DeleteRole', on: name, signal }, new DeleteRoleCommand({ RoleName: name })));
    },

    async updateTrustPolicy(name, trustPolicy, signal) {
      const command = new UpdateAssumeRolePolicyCommand({ RoleName: name, PolicyDocument: trustPolicy });
      await send({ action: 'UpdateAssumeRolePolicy', on: name, signal }, command);
    },

    async attachPolicy(name, policyArn, signal) {
      const command = new AttachRolePolicyCommand({ RoleName: name, PolicyArn: policyArn });
      await send({ action: 'AttachRolePolicy', on: `${name} (${policyArn})`, signal }, command);
    },

    async detachPolicy(name, policyArn, signal) {
      const command = new DetachRolePolicyCommand({ RoleName: name, PolicyArn: policyArn });
      await gone(send({ action: 'DetachRolePolicy', on: `${name} (${policyArn})`, signal }, command));
    },

    async putInlinePolicy(name, policyName, document, signal) {
      const command = new PutRolePolicyCommand({
        RoleName: name,
        PolicyName: policyName,
        PolicyDocument: document,
      });
      await send({ action: 'PutRolePolicy', on: `${name} (${policyName})`, signal }, command);
    },

    async deleteInlinePolicy(name, policyName, signal) {
      const command = new DeleteRolePolicyCommand({ RoleName: name, PolicyName: policyName });
      await gone(send({ action: 'DeleteRolePolicy', on: `${name} (${policyName})`, signal }, command));
    },

    async putPermissionsBoundary(name, policyArn, signal) {
      const command = new PutRolePermissionsBoundaryCommand({
        RoleName: name,
        PermissionsBoundary: policyArn,
      });
      await send({ action: 'PutRolePermissionsBoundary', on: `${name} (${policyArn})`, signal }, command);
    },

    async deletePermissionsBoundary(name, signal) {
      const command = new DeleteRolePermissionsBoundaryCommand({ RoleName: name });
      await send({ action: 'DeleteRolePermissionsBoundary', on: name, signal }, command);
    },

    async updateSettings(name, settings, signal) {
      const command = new UpdateRoleCommand({ RoleName: name, ...settingsInput(settings) });
      await send({ action: 'UpdateRole', on: name, signal }, command);
    },

    async tag(name, tags, signal) {
      const command = new TagRoleCommand({ RoleName: name, Tags: tagList(tags) });
      await send({ action: 'TagRole', on: name, signal }, command);
    },

    async untag(name, keys, signal) {
      const command = new UntagRoleCommand({ RoleName: name, TagKeys: [...keys] });
      await send({ action: 'UntagRole', on: name, signal }, command);
    },
  };
}

/**
 * Calls `isNamed` only once per role name, since the result may change during the listing. If `isNamed` first returns
 * false, the details of the role are dropped, and a later result of true would make the role look complete.
 */
function cachedByName(isNamed: (name: string) => boolean): (name: string) => boolean {
  const answers = new Map<string, boolean>();
  return (name) => {
    const answer = answers.get(name) ?? isNamed(name);
    answers.set(name, answer);
    return answer;
  };
}

/**
 * Lets callers share only the first page of a read, because the key of a shared call does not include the marker of the
 * page.
 */
function pageOf<C extends { readonly read: true }>(call: C, { Marker }: Paging): C | Omit<C, 'read'> {
  if (Marker === undefined) return call;
  const { read: _, ...rest } = call;
  return rest;
}

/** Treats a removal as successful if the object to remove does not exist. */
async function gone(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (error instanceof IdentityError && (error.code === 'RoleNotFound' || error.code === 'PolicyNotFound'))
      return;
    throw error;
  }
}

function fromDetail(detail: RoleDetail): ObservedRole {
  const inline = detail.RolePolicyList ?? [];
  const documentOf = (policyName: string): string | undefined => {
    const document = inline.find(({ PolicyName: name }) => name === policyName)?.PolicyDocument;
    return document === undefined ? undefined : decodeURIComponent(document);
  };
  return {
    name: detail.RoleName ?? '',
    arn: detail.Arn ?? '',
    id: detail.RoleId ?? '',
    path: detail.Path ?? '/',
    trustPolicy: decodeURIComponent(detail.AssumeRolePolicyDocument ?? ''),
    attachedPolicyArns: (detail.AttachedManagedPolicies ?? []).flatMap((policy) => policy.PolicyArn ?? []),
    inlinePolicyNames: inline.flatMap((policy) => policy.PolicyName ?? []),
    ...defined({
      inlinePolicy: documentOf(inlinePolicyName),
      podDenial: documentOf(podDenialName),
      permissionsBoundaryArn: detail.PermissionsBoundary?.PermissionsBoundaryArn,
    }),
    tags: tagMap(detail.Tags),
    ...useOutput(detail),
  };
}

/** Returns role settings as input of CreateRole and UpdateRole. */
function settingsInput({
  description,
  maxSessionDuration,
}: Partial<RoleSettings>): Pick<Role, 'Description' | 'MaxSessionDuration'> {
  return defined({ Description: description, MaxSessionDuration: maxSessionDuration });
}

/** Returns the settings from a response of GetRole. The response omits settings that have their default value. */
function settingsOutput({ Description = '', MaxSessionDuration = 3600 }: Role): RoleSettings {
  return { description: Description, maxSessionDuration: MaxSessionDuration };
}

/**
 * Returns the last use of a role. The last use is unknown if the response omits RoleLastUsed. For a role that was never
 * used, RoleLastUsed is empty.
 */
function useOutput({
  CreateDate: created,
  RoleLastUsed: used,
}: Pick<RoleDetail, 'CreateDate' | 'RoleLastUsed'>): Pick<ObservedRole, 'lastUsed'> {
  return created && used ? { lastUsed: roleUse(created, used.LastUsedDate) } : {};
}

function tagMap(tags: readonly Tag[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map((tag) => [tag.Key ?? '', tag.Value ?? '']));
}

function tagList(tags: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
