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
import type { Calls } from './calls.ts';
import { withReducedListing, type ReductionOptions } from './role-listing.ts';
import type { Monotonic } from '../k8s/time.ts';

/** Maximum page size of IAM. Source: GetAccountAuthorizationDetails, MaxItems. */
const MaxItems = 1000;

type Page = { readonly IsTruncated?: boolean | undefined; readonly Marker?: string | undefined };

export function createIamRoleStore(options: {
  readonly iam: IAMClient;
  readonly calls: Calls;
  /** Calls for listings, which have a separate rate limit. */
  readonly listingCalls: Calls;
  readonly now: () => Monotonic;
  readonly releaseBuffers?: ReductionOptions['releaseBuffers'];
}): RoleStore {
  const { iam, calls, listingCalls, now, releaseBuffers } = options;

  const attachedPolicies = async (name: string, signal?: AbortSignal): Promise<string[]> => {
    const call = { action: 'ListAttachedRolePolicies', on: name, read: true, signal } as const;
    const pages = await allPages((paging) =>
      calls(pageOf(call, paging.Marker), (attempt) =>
        iam.send(new ListAttachedRolePoliciesCommand({ RoleName: name, ...paging }), attempt),
      ),
    );
    return pages.flatMap((page) => (page.AttachedPolicies ?? []).flatMap(({ PolicyArn }) => PolicyArn ?? []));
  };

  const inlinePolicies = async (name: string, signal?: AbortSignal): Promise<string[]> => {
    const call = { action: 'ListRolePolicies', on: name, read: true, signal } as const;
    const pages = await allPages((paging) =>
      calls(pageOf(call, paging.Marker), (attempt) =>
        iam.send(new ListRolePoliciesCommand({ RoleName: name, ...paging }), attempt),
      ),
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
      const { PolicyDocument: document } = await calls(
        { action: 'GetRolePolicy', on, read: true, signal },
        (attempt) => iam.send(new GetRolePolicyCommand({ RoleName: name, PolicyName: policyName }), attempt),
      );
      return document === undefined ? undefined : decodeURIComponent(document);
    } catch (error) {
      if (error instanceof IdentityError && ['RoleNotFound', 'PolicyNotFound'].includes(error.code))
        return undefined;
      throw error;
    }
  };

  /** Applies a change to one role. */
  const write = async (
    action: string,
    on: string,
    signal: AbortSignal | undefined,
    attempt: (options: { readonly abortSignal: AbortSignal }) => Promise<unknown>,
  ): Promise<void> => {
    await calls({ action, on, signal }, attempt);
  };

  return {
    async read(name, signal, known = {}) {
      try {
        const [{ Role: role }, attachedPolicyArns, inlinePolicyNames] = await Promise.all([
          calls({ action: 'GetRole', on: name, read: true, signal }, (attempt) =>
            iam.send(new GetRoleCommand({ RoleName: name }), attempt),
          ),
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
          ...(inlinePolicy === undefined ? {} : { inlinePolicy }),
          ...(podDenial === undefined ? {} : { podDenial }),
          ...settingsOutput(role),
          tags: tagMap(role.Tags),
          ...(boundary === undefined ? {} : { permissionsBoundaryArn: boundary }),
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
      // Each page is reduced before the next page is requested, which saves memory.
      const pages = await allPages(async (paging) => {
        const page = await listingCalls(pageOf(call, paging.Marker), (attempt) => {
          const command = new GetAccountAuthorizationDetailsCommand({ Filter: ['Role'], ...paging });
          return iam.send(withReducedListing(command, { isNamed, releaseBuffers }), attempt);
        });
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
      const boundary = spec.permissionsBoundaryArn;
      const command = new CreateRoleCommand({
        RoleName: spec.name,
        Path: spec.path,
        AssumeRolePolicyDocument: spec.trustPolicy,
        ...settingsInput(spec),
        Tags: tagList(spec.tags),
        ...(boundary === undefined ? {} : { PermissionsBoundary: boundary }),
      });
      const { Role: role } = await calls({ action: 'CreateRole', on: spec.name, signal }, (attempt) =>
        iam.send(command, attempt),
      );
      // The response of CreateRole omits RoleLastUsed, which would mean that the last use is unknown. A new role has
      // never been used, so an empty RoleLastUsed is added.
      const use = useOutput({ CreateDate: role?.CreateDate, RoleLastUsed: {} });
      return { arn: role?.Arn ?? '', id: role?.RoleId ?? '', ...use };
    },

    delete: (name, signal) =>
      gone(
        write('DeleteRole', name, signal, (attempt) =>
          iam.send(new DeleteRoleCommand({ RoleName: name }), attempt),
        ),
      ),

    updateTrustPolicy: (name, trustPolicy, signal) =>
      write('UpdateAssumeRolePolicy', name, signal, (attempt) =>
        iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: name, PolicyDocument: trustPolicy }), attempt),
      ),

    attachPolicy: (name, policyArn, signal) =>
      write('AttachRolePolicy', `${name} (${policyArn})`, signal, (attempt) =>
        iam.send(new AttachRolePolicyCommand({ RoleName: name, PolicyArn: policyArn }), attempt),
      ),

    detachPolicy: (name, policyArn, signal) =>
      gone(
        write('DetachRolePolicy', `${name} (${policyArn})`, signal, (attempt) =>
          iam.send(new DetachRolePolicyCommand({ RoleName: name, PolicyArn: policyArn }), attempt),
        ),
      ),

    putInlinePolicy: (name, policyName, document, signal) =>
      write('PutRolePolicy', `${name} (${policyName})`, signal, (attempt) =>
        iam.send(
          new PutRolePolicyCommand({
            RoleName: name,
            PolicyName: policyName,
            PolicyDocument: document,
          }),
          attempt,
        ),
      ),

    deleteInlinePolicy: (name, policyName, signal) =>
      gone(
        write('DeleteRolePolicy', `${name} (${policyName})`, signal, (attempt) =>
          iam.send(new DeleteRolePolicyCommand({ RoleName: name, PolicyName: policyName }), attempt),
        ),
      ),

    putPermissionsBoundary: (name, policyArn, signal) =>
      write('PutRolePermissionsBoundary', `${name} (${policyArn})`, signal, (attempt) =>
        iam.send(
          new PutRolePermissionsBoundaryCommand({ RoleName: name, PermissionsBoundary: policyArn }),
          attempt,
        ),
      ),

    deletePermissionsBoundary: (name, signal) =>
      write('DeleteRolePermissionsBoundary', name, signal, (attempt) =>
        iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: name }), attempt),
      ),

    updateSettings: (name, settings, signal) =>
      write('UpdateRole', name, signal, (attempt) =>
        iam.send(new UpdateRoleCommand({ RoleName: name, ...settingsInput(settings) }), attempt),
      ),

    tag: (name, tags, signal) =>
      write('TagRole', name, signal, (attempt) =>
        iam.send(new TagRoleCommand({ RoleName: name, Tags: tagList(tags) }), attempt),
      ),

    untag: (name, keys, signal) =>
      write('UntagRole', name, signal, (attempt) =>
        iam.send(new UntagRoleCommand({ RoleName: name, TagKeys: [...keys] }), attempt),
      ),
  };
}

/** Each page is scheduled as a separate call. */
async function allPages<P extends Page>(
  next: (paging: { readonly MaxItems: number; readonly Marker?: string }) => Promise<P>,
): Promise<readonly P[]> {
  const pages: P[] = [];
  let marker: string | undefined;
  do {
    const page = await next({ MaxItems, ...(marker === undefined ? {} : { Marker: marker }) });
    pages.push(page);
    marker = page.IsTruncated === true ? page.Marker : undefined;
  } while (marker !== undefined);
  return pages;
}

/**
 * Calls `isNamed` only once per role name, since the result may change during the listing. If `isNamed` first returns
 * false, the role is reduced, and a later result of true would make the reduced role look complete.
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
function pageOf<C extends { readonly read: true }>(call: C, marker: string | undefined): C | Omit<C, 'read'> {
  if (marker === undefined) return call;
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
  const boundary = detail.PermissionsBoundary?.PermissionsBoundaryArn;
  const inline = detail.RolePolicyList ?? [];
  const documentOf = (policyName: string): string | undefined => {
    const document = inline.find(({ PolicyName: name }) => name === policyName)?.PolicyDocument;
    return document === undefined ? undefined : decodeURIComponent(document);
  };
  const inlinePolicy = documentOf(inlinePolicyName);
  const podDenial = documentOf(podDenialName);
  return {
    name: detail.RoleName ?? '',
    arn: detail.Arn ?? '',
    id: detail.RoleId ?? '',
    path: detail.Path ?? '/',
    trustPolicy: decodeURIComponent(detail.AssumeRolePolicyDocument ?? ''),
    attachedPolicyArns: (detail.AttachedManagedPolicies ?? []).flatMap((policy) => policy.PolicyArn ?? []),
    inlinePolicyNames: inline.flatMap((policy) => policy.PolicyName ?? []),
    ...(inlinePolicy === undefined ? {} : { inlinePolicy }),
    ...(podDenial === undefined ? {} : { podDenial }),
    tags: tagMap(detail.Tags),
    ...(boundary === undefined ? {} : { permissionsBoundaryArn: boundary }),
    ...useOutput(detail),
  };
}

/** Returns the settings as input of CreateRole and UpdateRole. */
function settingsInput({
  description,
  maxSessionDuration,
}: Partial<RoleSettings>): Pick<Role, 'Description' | 'MaxSessionDuration'> {
  return {
    ...(description === undefined ? {} : { Description: description }),
    ...(maxSessionDuration === undefined ? {} : { MaxSessionDuration: maxSessionDuration }),
  };
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
