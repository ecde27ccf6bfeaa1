/** Desired role of an account: trust policy, boundary, session duration and tags. */
import type { IdentityMode, LinkedServiceAccount } from '../../api/index.ts';
import type { ClusterFacts, RoleSettings, RoleSpec } from '../state/world.ts';
import { ownershipTags, type Owner } from './ownership.ts';
import { mergedTags, settableTags, type Tags } from './tags.ts';
import { subjectOf, trustPolicy } from './trust.ts';

/** Targets that a role serves, grouped by the identity mode of the targets' pods. */
export type TargetsByMode = { readonly [mode in IdentityMode]: readonly string[] };

export function wantedMode(account: LinkedServiceAccount, facts: ClusterFacts): IdentityMode {
  return account.spec.aws.identityMode ?? facts.identityMode;
}

/** IAM's default session duration in seconds. Source: CreateRole, MaxSessionDuration. */
export const defaultMaxSessionDuration = 3600;

export function ownerOf(account: LinkedServiceAccount, facts: ClusterFacts): Owner {
  const { clusterArn, issuer, providerArn } = facts;
  const { name, uid = '' } = account.metadata;
  return { clusterArn, issuer, providerArn, account: name, uid };
}

/** Keys of RoleSettings, which are also keys of `spec.aws`. */
export const settingKeys: readonly (keyof RoleSettings)[] = ['maxSessionDuration', 'description'];

/** Settings of a role that are known. Settings that were not read yet are omitted. */
export function settingsOf(role: Partial<RoleSettings> | null | undefined): Partial<RoleSettings> {
  return Object.fromEntries(
    settingKeys.flatMap((key) => (role?.[key] === undefined ? [] : [[key, role[key]]])),
  );
}

/** Default description of a role, truncated to IAM's maximum length (see CreateRole, `Description`). */
function defaultDescription({ metadata }: LinkedServiceAccount, { name }: ClusterFacts): string {
  return `LinkedServiceAccount ${metadata.name} on cluster ${name}`.slice(0, 1000);
}

/** ARN of the permissions boundary that the account names or, if the account names none, the ClusterConfig. */
export function desiredBoundary(
  { spec }: LinkedServiceAccount,
  facts: Pick<ClusterFacts, 'permissionsBoundaryArn'>,
): string | undefined {
  return spec.aws.permissionsBoundaryArn ?? facts.permissionsBoundaryArn;
}

/** Desired tags of the account's roles. */
export function desiredTags(account: LinkedServiceAccount, facts: ClusterFacts): Tags {
  return mergedTags(
    settableTags(facts.tags),
    settableTags(account.spec.aws.tags),
    ownershipTags(ownerOf(account, facts)),
  );
}

/** Builds the desired role of an account, without its attachments. */
export function desiredRole(
  account: LinkedServiceAccount,
  facts: ClusterFacts,
  name: string,
  targets: TargetsByMode,
): RoleSpec {
  const boundary = desiredBoundary(account, facts);
  return {
    name,
    path: facts.rolePath,
    trustPolicy: trustPolicy({
      providerArn: facts.providerArn,
      issuer: facts.issuer,
      subjects: targets.IRSA.map((target) => subjectOf(target, account.metadata.name)),
      podIdentity: {
        clusterArn: facts.clusterArn,
        namespaces: targets.PodIdentity,
        serviceAccount: account.metadata.name,
      },
    }),
    description: account.spec.aws.description ?? defaultDescription(account, facts),
    maxSessionDuration: account.spec.aws.maxSessionDuration ?? defaultMaxSessionDuration,
    tags: desiredTags(account, facts),
    ...(boundary === undefined ? {} : { permissionsBoundaryArn: boundary }),
  };
}
