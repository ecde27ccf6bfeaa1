/**
 * Ownership of IAM roles and Pod Identity associations. The call that creates the object also sets the ownership tags, and every
 * later write checks them first. An object without them is never changed or deleted.
 *
 * | managed-by and cluster | account | uid   | issuer                           | ownership     |
 * |------------------------|---------|-------|----------------------------------|---------------|
 * | other, or none         | any     | any   | any                              | `foreign`     |
 * | ours                   | any     | ours  | ours, or no tag                  | `ours`        |
 * | ours                   | ours    | other | ours, or no tag and trust agrees | `earlier`     |
 * | ours                   | either is ours  || another                          | `otherIssuer` |
 * | ours                   | other   | other | any                              | `foreign`     |
 */
import { apiGroup, fieldManager, type LinkedServiceAccount } from '../../api/index.ts';
import type { ObservedServiceAccount } from '../state/world.ts';
import { issuerHost } from './arn.ts';
import { digest } from './digest.ts';
import { tagValue, type Tags } from './tags.ts';
import { oidcProvidersIn } from './trust.ts';

const managedByTag = 'k11n.dev/managed-by';
/** Tag with the cluster's ARN. On a foreign role, it is also the consent to an adoption by this cluster. */
export const clusterTag = 'k11n.dev/cluster';
const accountTag = 'k11n.dev/account';
const uidTag = 'k11n.dev/uid';
/**
 * Token issuer of the cluster, which distinguishes clusters of the same name. On a role of another issuer, setting this tag is the
 * consent to an adoption by this cluster.
 */
export const issuerTag = 'k11n.dev/issuer';
/** Tag of an adopted role, which existed before and is released instead of deleted. */
const adoptedTag = 'k11n.dev/adopted';
/** Tag of a role that `deletionPolicy: Retain` kept after its account: the ARN of the cluster that kept it. */
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

/** Ownership tags that are removed from a retained role. It keeps the tags that name its account and show whether it was adopted. */
export const tagKeysLostOnRetain: readonly string[] = [managedByTag, clusterTag, uidTag, issuerTag];

export function retentionTags(clusterArn: string): Tags {
  return { [retainedTag]: clusterArn };
}

/** Account of a role that this cluster retained and no account has adopted since; undefined for any other role. */
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

/** Whether the role was adopted, according to its tag or, if the tag was lost, to the account that adopted it. */
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

/** Whether any installation of Konstellation owns the role, which then cannot be adopted. */
export function isManaged(tags: Tags): boolean {
  return tagValue(tags, managedByTag) !== undefined;
}

/** Whether any tag key has the prefix of Konstellation. */
export function hasOurTags(tags: Tags): boolean {
  return Object.keys(tags).some((key) => key.toLowerCase().startsWith(`${apiGroup}/`));
}

/**
 * Identity of a cluster for ownership. The ARN alone is not unique, because another cluster of the same name may have the same ARN.
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
 * Tag value for an issuer: its URL without the scheme, or a digest of it if IAM does not allow it as a tag value.
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

/** A role, or an association, which has no trust policy. */
export type Owned = { readonly tags: Tags; readonly trustPolicy?: string };

export function ownershipOf(owned: Owned, owner: Owner): Ownership {
  const { tags } = owned;
  if (tagValue(tags, managedByTag) !== 'konstellation' || tagValue(tags, clusterTag) !== owner.clusterArn)
    return 'foreign';
  const isSame = owner.uid !== '' && tagValue(tags, uidTag) === owner.uid;
  // On a role, the uid is the more reliable tag, because a tag with the same key in another case replaces the account tag. EKS
  // keeps both tags.
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
 * wrote no issuer tag. The trust policy of such a role shows the issuer, unless it names none. For an association without the tag,
 * the issuer is unknown.
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

/** Issuers of a role according to its tags or, without the tag, its trust policy. */
export function issuersOf({ tags, trustPolicy = '' }: Owned): readonly string[] {
  const marked = tagValue(tags, issuerTag);
  if (marked !== undefined) return [marked];
  return oidcProvidersIn(trustPolicy).map((arn) => arn.slice(arn.indexOf('/') + 1));
}

/** ARN of the cluster that created a role of the account with this uid; undefined for any other role. */
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

/** Whether we set the annotation with the role, so that we may change it. */
export function carriesOurRole({ roleArn, roleArnManager }: ObservedServiceAccount): boolean {
  return roleArn !== undefined && (roleArnManager === undefined || roleArnManager === fieldManager);
}
