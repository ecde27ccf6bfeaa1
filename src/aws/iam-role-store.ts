/** Roles as IAM keeps them. */
import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DeleteRolePermissionsBoundaryCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  ListRolesCommand,
  PutRolePermissionsBoundaryCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
  paginateGetAccountAuthorizationDetails,
  paginateListAttachedRolePolicies,
  paginateListRolePolicies,
  type IAMClient,
  type RoleDetail,
  type Tag,
} from '@aws-sdk/client-iam';
import { IdentityError, type ObservedRole, type RoleStore } from '../identity/index.ts';
import { classifyAwsError } from './errors.ts';

/** IAM gives pages of at most this many. Source: GetAccountAuthorizationDetails, MaxItems. */
const pageSize = 1000;

export function createIamRoleStore(iam: IAMClient, now: () => number): RoleStore {
  const options = (signal: AbortSignal | undefined): { abortSignal?: AbortSignal } =>
    signal ? { abortSignal: signal } : {};

  const attempt = async <T>(action: string, on: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw classifyAwsError(error, `iam:${action} on ${on}`);
    }
  };

  /** An answer that the thing is not there (any more) is what a removal wants. */
  const gone = async (removal: Promise<unknown>): Promise<void> => {
    try {
      await removal;
    } catch (error) {
      if (
        error instanceof IdentityError &&
        (error.code === 'RoleNotFound' || error.code === 'PolicyNotFound')
      )
        return;
      throw error;
    }
  };

  const attachedPolicies = async (name: string, signal?: AbortSignal): Promise<string[]> => {
    const arns: string[] = [];
    const config = { client: iam, pageSize };
    for await (const page of paginateListAttachedRolePolicies(config, { RoleName: name }, options(signal))) {
      for (const policy of page.AttachedPolicies ?? [])
        if (policy.PolicyArn !== undefined) arns.push(policy.PolicyArn);
    }
    return arns;
  };

  const inlinePolicies = async (name: string, signal?: AbortSignal): Promise<string[]> => {
    const names: string[] = [];
    for await (const page of paginateListRolePolicies(
      { client: iam, pageSize },
      { RoleName: name },
      options(signal),
    )) {
      names.push(...(page.PolicyNames ?? []));
    }
    return names;
  };

  const read = async (name: string, signal?: AbortSignal): Promise<ObservedRole | undefined> => {
    try {
      const [{ Role: role }, attachedPolicyArns, inlinePolicyNames] = await attempt('GetRole', name, () =>
        Promise.all([
          iam.send(new GetRoleCommand({ RoleName: name }), options(signal)),
          attachedPolicies(name, signal),
          inlinePolicies(name, signal),
        ]),
      );
      if (!role) return undefined;
      const boundary = role.PermissionsBoundary?.PermissionsBoundaryArn;
      return {
        name: role.RoleName ?? name,
        arn: role.Arn ?? '',
        id: role.RoleId ?? '',
        path: role.Path ?? '/',
        trustPolicy: decodeURIComponent(role.AssumeRolePolicyDocument ?? ''),
        attachedPolicyArns,
        inlinePolicyNames,
        maxSessionDuration: role.MaxSessionDuration ?? 3600,
        tags: tagMap(role.Tags),
        ...(boundary === undefined ? {} : { permissionsBoundaryArn: boundary }),
      };
    } catch (error) {
      if (error instanceof IdentityError && error.code === 'RoleNotFound') return undefined;
      throw error;
    }
  };

  const everyRole = async (signal?: AbortSignal): Promise<ObservedRole[]> => {
    const roles: ObservedRole[] = [];
    const pages = paginateGetAccountAuthorizationDetails(
      { client: iam, pageSize },
      { Filter: ['Role'] },
      options(signal),
    );
    for await (const page of pages) {
      for (const detail of page.RoleDetailList ?? []) {
        roles.push(fromDetail(detail));
      }
    }
    return roles;
  };

  /** For an operator that may not list the whole account: the names under our path, then each role. */
  const rolesOneByOne = async (path: string, signal?: AbortSignal): Promise<ObservedRole[]> => {
    const roles: ObservedRole[] = [];
    let marker: string | undefined;
    do {
      const page = await iam.send(
        new ListRolesCommand({
          PathPrefix: path,
          MaxItems: pageSize,
          ...(marker === undefined ? {} : { Marker: marker }),
        }),
        options(signal),
      );
      for (const role of page.Roles ?? []) {
        const observed = role.RoleName === undefined ? undefined : await read(role.RoleName, signal);
        if (observed) roles.push(observed);
      }
      marker = page.IsTruncated ? page.Marker : undefined;
    } while (marker !== undefined);
    return roles;
  };

  return {
    read,

    async snapshot(path, signal) {
      const startedAt = now();
      try {
        const roles = await attempt('GetAccountAuthorizationDetails', 'the account', () => everyRole(signal));
        return { roles, startedAt };
      } catch (error) {
        if (!(error instanceof IdentityError) || error.code !== 'AccessDenied') throw error;
        const roles = await attempt('ListRoles', path, () => rolesOneByOne(path, signal));
        return { roles, startedAt };
      }
    },

    create: (spec, signal) =>
      attempt('CreateRole', spec.name, async () => {
        const { Role: role } = await iam.send(
          new CreateRoleCommand({
            RoleName: spec.name,
            Path: spec.path,
            AssumeRolePolicyDocument: spec.trustPolicy,
            Description: spec.description,
            MaxSessionDuration: spec.maxSessionDuration,
            Tags: tagList(spec.tags),
            ...(spec.permissionsBoundaryArn === undefined
              ? {}
              : { PermissionsBoundary: spec.permissionsBoundaryArn }),
          }),
          options(signal),
        );
        return { arn: role?.Arn ?? '', id: role?.RoleId ?? '' };
      }),

    delete: (name, signal) =>
      gone(
        attempt('DeleteRole', name, () =>
          iam.send(new DeleteRoleCommand({ RoleName: name }), options(signal)),
        ),
      ),

    updateTrustPolicy: async (name, trustPolicy, signal) => {
      await attempt('UpdateAssumeRolePolicy', name, () =>
        iam.send(
          new UpdateAssumeRolePolicyCommand({ RoleName: name, PolicyDocument: trustPolicy }),
          options(signal),
        ),
      );
    },

    attachPolicy: async (name, policyArn, signal) => {
      await attempt('AttachRolePolicy', `${name} (${policyArn})`, () =>
        iam.send(new AttachRolePolicyCommand({ RoleName: name, PolicyArn: policyArn }), options(signal)),
      );
    },

    detachPolicy: (name, policyArn, signal) =>
      gone(
        attempt('DetachRolePolicy', `${name} (${policyArn})`, () =>
          iam.send(new DetachRolePolicyCommand({ RoleName: name, PolicyArn: policyArn }), options(signal)),
        ),
      ),

    deleteInlinePolicy: (name, policyName, signal) =>
      gone(
        attempt('DeleteRolePolicy', `${name} (${policyName})`, () =>
          iam.send(new DeleteRolePolicyCommand({ RoleName: name, PolicyName: policyName }), options(signal)),
        ),
      ),

    putPermissionsBoundary: async (name, policyArn, signal) => {
      await attempt('PutRolePermissionsBoundary', `${name} (${policyArn})`, () =>
        iam.send(
          new PutRolePermissionsBoundaryCommand({ RoleName: name, PermissionsBoundary: policyArn }),
          options(signal),
        ),
      );
    },

    deletePermissionsBoundary: async (name, signal) => {
      await attempt('DeleteRolePermissionsBoundary', name, () =>
        iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: name }), options(signal)),
      );
    },

    updateMaxSessionDuration: async (name, seconds, signal) => {
      await attempt('UpdateRole', name, () =>
        iam.send(new UpdateRoleCommand({ RoleName: name, MaxSessionDuration: seconds }), options(signal)),
      );
    },

    tag: async (name, tags, signal) => {
      await attempt('TagRole', name, () =>
        iam.send(new TagRoleCommand({ RoleName: name, Tags: tagList(tags) }), options(signal)),
      );
    },

    untag: async (name, keys, signal) => {
      await attempt('UntagRole', name, () =>
        iam.send(new UntagRoleCommand({ RoleName: name, TagKeys: [...keys] }), options(signal)),
      );
    },
  };
}

function fromDetail(detail: RoleDetail): ObservedRole {
  const boundary = detail.PermissionsBoundary?.PermissionsBoundaryArn;
  return {
    name: detail.RoleName ?? '',
    arn: detail.Arn ?? '',
    id: detail.RoleId ?? '',
    path: detail.Path ?? '/',
    trustPolicy: decodeURIComponent(detail.AssumeRolePolicyDocument ?? ''),
    attachedPolicyArns: (detail.AttachedManagedPolicies ?? []).flatMap((policy) => policy.PolicyArn ?? []),
    inlinePolicyNames: (detail.RolePolicyList ?? []).flatMap((policy) => policy.PolicyName ?? []),
    tags: tagMap(detail.Tags),
    ...(boundary === undefined ? {} : { permissionsBoundaryArn: boundary }),
  };
}

function tagMap(tags: readonly Tag[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map((tag) => [tag.Key ?? '', tag.Value ?? '']));
}

function tagList(tags: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
