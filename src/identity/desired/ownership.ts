/**
 * Ownership of IAM roles and Pod Identity associations. The call that creates the object also sets the ownership tags, and every
 * later write checks them first. An object without them is never changed or deleted.
 *
 * | managed-by and cluster | account              | uid   | issuer                | ownership     |
 * |------------------------|----------------------|-------|-----------------------|---------------|
 * | other, or none         | any                  | any   | any                   | `foreign`     |
 * | ours                   | ours; on a role: any | ours  | ours, or no tag       | `ours`        |
 * | ours                   | ours                 | other | ours, by `isOfIssuer` | `earlier`     |
 * | ours                   | ours                 | any   | another               | `otherIssuer` |
 * | ours                   | on a role: any       | ours  | another               | `otherIssuer` |
 * | ours                   | other                | other | any                   | `foreign`     |
 */
import { apiGroup, fieldManager, type LinkedServiceAccount } from '../../api/index.ts';
import type { ObservedServiceAccount } from '../state/world.ts';
import { issuerHost } from './arn.ts';
import { digest } from './digest.ts';
import { tagValue, type Tags } from './tags.ts';
import { oidcProvidersIn } from './trust.ts';

const managedByTag = 'k11n.dev/managed-by';
/** Tag key whose value is the cluster's ARN. On a foreign role, this tag is the consent to an adoption by the cluster. */
export const clusterTag = 'k11n.dev/cluster';
const accountTag = 'k11n.dev/account';
const uidTag = 'k11n.dev/uid';
/**
 * Tag key whose value is the cluster's token issuer, which distinguishes clusters of the same name. On a role of another issuer,
 * changing this tag to the issuer of this cluster is the consent to an adoption by this cluster.
 */
export const issuerTag = 'k11n.dev/issuer';
/** Tag key of an adopted role. The role existed before the account, so the operator releases it instead of deleting it. */
const adoptedTag = 'k11n.dev/adopted';
/** Tag key of a role that `deletionPolicy: Retain` kept after the deletion of its account. Value: the ARN of the cluster. */
export const retainedTag = 'k11n.dev/retained';

/** Keys of our ownership tags, which are removed from a released role. */
export const ownershipTagKeys = [
  managedByTag,
  clusterTag,
  accountTag,
  uidTag,
  issuerTag,
  adoptedTag,
  retainedTag,
] as const;

/**
 * Ownership tags that are removed from a retained role. The role keeps the tag with its account's name and the tag that
 * marks an adopted role.
 */
export const tagKeysLostOnRetain: readonly string[] = [managedByTag, clusterTag, uidTag, issuerTag];

export function retentionTags(clusterArn: string): Tags {
  return { [retainedTag]: clusterArn };
}

/**
 * Former account of a retained role, if this cluster retained the role and no account has adopted the role since; otherwise
 * undefined.
 */
export function retainedFrom(tags: Tags, clusterArn: string): { readonly account: string } | undefined {
  if (tagValue(tags, retainedTag) !== clusterArn || isManaged(tags)) return undefined;
  return { account: tagValue(tags, accountTag) ?? '' };
}

export function isOwnershipTag(key: string): boolean {
  return ownershipTagKeys.some((mark) => mark === key.toLowerCase());
}

export function isAdopted(tags: Tags): boolean {
  return tagValue(tags, adoptedTag) === 'true';
}

/**
 * Whether the role existed before the account and was adopted. The role's tag shows this. If the tag was lost, the
 * account's spec shows it.
 */
export function existedBefore(
  { name, tags }: { readonly name: string; readonly tags: Tags },
  { aws }: LinkedServiceAccount['spec'],
): boolean {
  return isAdopted(tags) || (aws.adopt === true && aws.roleName === name);
}

export const adoptedTags: Tags = { [adoptedTag]: 'true' };

/** Tags for the adoption of an existing role. */
export function adoptionTags(owner: Owner): Tags {
  return { ...ownershipTags(owner), ...adoptedTags };
}

/** Whether an installation of Konstellation, in any cluster, owns the role. An owned role cannot be adopted. */
export function isManaged(tags: Tags): boolean {
  return tagValue(tags, managedByTag) !== undefined;
}

/** Whether any tag key begins with Konstellation's prefix. */
export function hasOurTags(tags: Tags): boolean {
  return Object.keys(tags).some((key) => key.toLowerCase().startsWith(`${apiGroup}/`));
}

/**
 * Identity of a cluster that owns roles. The ARN alone is not unique, because a cluster that is recreated with the same name has
 * the same ARN.
 */
export type OwningCluster = {
  readonly clusterArn: string;
  /** URL of the token issuer. */
  readonly issuer: string;
  readonly providerArn: string;
};

export type Owner = OwningCluster & { readonly account: string; readonly uid: string };

/** Ownership tags that all roles of a cluster share; the operator's IAM policy requires them. */
export function clusterTags(clusterArn: string): Tags {
  return { [managedByTag]: 'konstellation', [clusterTag]: clusterArn };
}

export function ownershipTags(owner: Owner): Tags {
  return {
    ...clusterTags(owner.clusterArn),
    [accountTag]: owner.account,
    [uidTag]: owner.uid,
    [issuerTag]: issuerTagValue(owner.issuer),
  };
}

/**
 * Tag value for an issuer: its URL without the scheme, or a digest of this text if IAM does not allow the text as a tag
 * value.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules_creating
 */
export function issuerTagValue(issuer: string): string {
  const host = issuerHost(issuer);
  return /^[A-Za-z0-9_.:/=+@-]{1,256}$/.test(host) ? host : `sha256:${digest([host], 40)}`;
}

/**
 * `ours`: belongs to this account. `earlier`: belongs to a deleted account of this name on this cluster, and may be re-adopted.
 * `otherIssuer`: the tags name this cluster and account, but the object belongs to another cluster of the same name.
 * `foreign`: anything else. Objects whose ownership is `otherIssuer` or `foreign` are never written to.
 */
export type Ownership = 'ours' | 'earlier' | 'otherIssuer' | 'foreign';

/** A role or an association. An association has no `trustPolicy`. */
export type Owned = { readonly tags: Tags; readonly trustPolicy?: string };

export function ownershipOf(owned: Owned, owner: Owner): Ownership {
  const { tags } = owned;
  if (tagValue(tags, managedByTag) !== 'konstellation' || tagValue(tags, clusterTag) !== owner.clusterArn)
    return 'foreign';
  const isSame = owner.uid !== '' && tagValue(tags, uidTag) === owner.uid;
  // On a role, the uid tag is more reliable than the account tag: IAM replaces the account tag when someone sets the
  // same key in another case. An association keeps its account tag, because EKS treats keys that differ only in case as
  // separate tags.
  const isNamed = tagValue(tags, accountTag) === owner.account || (isSame && owned.trustPolicy !== undefined);
  if (!isNamed) return 'foreign';
  if (isSame && tagValue(tags, issuerTag) === undefined) return 'ours';
  if (!isOfIssuer(owned, owner)) return 'otherIssuer';
  return isSame ? 'ours' : 'earlier';
}

/** Whether the object belongs to the account or may be re-adopted by it. */
export function isOwned(ownership: Ownership): boolean {
  return ownership === 'ours' || ownership === 'earlier';
}

/**
 * Whether a role or association that is tagged with this cluster's ARN belongs to the cluster with this issuer. Earlier versions
 * wrote no issuer tag. A role without the tag belongs to the issuer if its trust policy names the issuer's provider or no
 * provider at all. An association without the tag has an unknown issuer, so the result is false.
 */
export function isOfIssuer(
  { tags, trustPolicy }: Owned,
  { issuer, providerArn }: Pick<OwningCluster, 'issuer' | 'providerArn'>,
): boolean {
  const marked = tagValue(tags, issuerTag);
  if (marked !== undefined) return marked === issuerTagValue(issuer);
  if (trustPolicy === undefined) return false;
  const providers = oidcProvidersIn(trustPolicy);
  return providers.length === 0 || providers.includes(providerArn);
}

/** Issuers of a role, from its issuer tag or, if the tag is missing, from its trust policy. */
export function issuersOf({ tags, trustPolicy = '' }: Owned): readonly string[] {
  const marked = tagValue(tags, issuerTag);
  if (marked !== undefined) return [marked];
  return oidcProvidersIn(trustPolicy).map((arn) => arn.slice(arn.indexOf('/') + 1));
}

/** ARN of the cluster that created the role, if the role belongs to the account with this uid; otherwise undefined. */
export function clusterOfRole(tags: Tags, uid = ''): string | undefined {
  const isOfAccount = uid !== '' && tagValue(tags, uidTag) === uid;
  return isOfAccount && tagValue(tags, managedByTag) === 'konstellation'
    ? tagValue(tags, clusterTag)
    : undefined;
}

/** Cluster and account in a role's tags; undefined if Konstellation does not manage the role. */
export function taggedOwner(tags: Tags): { clusterArn: string; account: string } | undefined {
  const clusterArn = tagValue(tags, clusterTag);
  const account = tagValue(tags, accountTag);
  if (tagValue(tags, managedByTag) !== 'konstellation' || clusterArn === undefined || account === undefined)
    return undefined;
  return { clusterArn, account };
}

/**
 * Whether the operator itself set the role annotation of the ServiceAccount, and is therefore permitted to change the
 * annotation.
 */
export function carriesOurRole({ roleArn, roleArnManager }: ObservedServiceAccount): boolean {
  return roleArn !== undefined && (roleArnManager === undefined || roleArnManager === fieldManager);
}
