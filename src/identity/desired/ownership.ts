/**
 * Ownership of IAM roles and Pod Identity associations. The ownership tags are written by the very call that creates the
 * object, and every later write checks them first: an object without them is never changed and never deleted.
 *
 * | managed-by and cluster | account | uid   | issuer                           | ownership     |
 * |------------------------|---------|-------|----------------------------------|---------------|
 * | other, or none         | any     | any   | any                              | `foreign`     |
 * | ours                   | any     | ours  | ours, or no tag                  | `ours`        |
 * | ours                   | ours    | other | ours, or no tag and trust agrees | `earlier`     |
 * | ours                   | either is ours  || another                          | `otherIssuer` |
 * | ours                   | other   | other | any                              | `foreign`     |
 */
import { fieldManager, type LinkedServiceAccount } from '../../api/index.ts';
import type { ObservedServiceAccount } from '../state/world.ts';
import { issuerHost } from './arn.ts';
import { digest } from './digest.ts';
import { tagValue, type Tags } from './tags.ts';
import { oidcProvidersIn } from './trust.ts';

const managedByTag = 'k11n.dev/managed-by';
/** Also the consent of who may tag a role that it be taken over by this cluster. */
export const clusterTag = 'k11n.dev/cluster';
const accountTag = 'k11n.dev/account';
const uidTag = 'k11n.dev/uid';
/**
 * Token issuer of the cluster, which distinguishes clusters of the same name. On a role of another issuer, setting it is the
 * consent to an adoption by this cluster.
 */
export const issuerTag = 'k11n.dev/issuer';
/** On a role that was there before us: it is given back, not deleted. */
const adoptedTag = 'k11n.dev/adopted';
/** Tag of a role that `deletionPolicy: Retain` kept after its account: the ARN of the cluster that kept it. */
export const retainedTag = 'k11n.dev/retained';

/** The keys of our ownership tags, for taking them off a role that is let go. */
export const ownershipTagKeys = [
  managedByTag,
  clusterTag,
  accountTag,
  uidTag,
  issuerTag,
  adoptedTag,
  retainedTag,
] as const;

/** Ownership tags that a retained role loses. It keeps those that say which account it was for, and whether it was adopted. */
export const tagKeysLostOnRetain: readonly string[] = [managedByTag, clusterTag, uidTag, issuerTag];

export function retentionTags(clusterArn: string): Tags {
  return { [retainedTag]: clusterArn };
}

/** Returns the account of a role that this cluster retained and no account has adopted since; undefined for any other role. */
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

/** The role was there before us: its mark says so or, should it have lost that, the account that took it over. */
export function existedBefore(
  { name, tags }: { readonly name: string; readonly tags: Tags },
  { aws }: LinkedServiceAccount['spec'],
): boolean {
  return isAdopted(tags) || (aws.adopt === true && aws.roleName === name);
}

export const adoptedTags: Tags = { [adoptedTag]: 'true' };

/** The marks for taking over a role that exists. */
export function adoptionTags(owner: Owner): Tags {
  return { ...ownershipTags(owner), ...adoptedTags };
}

/** Whether any installation of Konstellation owns the role, which then cannot be adopted. */
export function isManaged(tags: Tags): boolean {
  return tagValue(tags, managedByTag) !== undefined;
}

/** The cluster as ownership knows it: its ARN alone may be that of another cluster of the same name. */
export type OwningCluster = {
  readonly clusterArn: string;
  /** The URL of the token issuer. */
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
 * An issuer as a tag value: its URL without the scheme, or a digest of that if IAM does not allow it as a tag value.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules_creating
 */
export function issuerTagValue(issuer: string): string {
  const host = issuerHost(issuer);
  return /^[A-Za-z0-9_.:/=+@-]{1,256}$/.test(host) ? host : `sha256:${digest([host], 40)}`;
}

/**
 * `ours`: of this very account. `earlier`: of an account of this name on this cluster which is no more; it may be
 * taken up. `otherIssuer`: its tags name this cluster and account, but another cluster of the same name has it.
 * `foreign`: anything else. The last two are never written to.
 */
export type Ownership = 'ours' | 'earlier' | 'otherIssuer' | 'foreign';

/** A role, or an association, which has no trust policy. */
export type Owned = { readonly tags: Tags; readonly trustPolicy?: string };

export function ownershipOf(owned: Owned, owner: Owner): Ownership {
  const { tags } = owned;
  if (tagValue(tags, managedByTag) !== 'konstellation' || tagValue(tags, clusterTag) !== owner.clusterArn)
    return 'foreign';
  const isSame = owner.uid !== '' && tagValue(tags, uidTag) === owner.uid;
  // The uid is the stronger mark of a role, whose tag of the account is lost to the same key in another case. EKS keeps both.
  const isNamed = tagValue(tags, accountTag) === owner.account || (isSame && owned.trustPolicy !== undefined);
  if (!isNamed) return 'foreign';
  if (isSame && tagValue(tags, issuerTag) === undefined) return 'ours';
  if (!isOfIssuer(owned, owner)) return 'otherIssuer';
  return isSame ? 'ours' : 'earlier';
}

/** Whether it is, or may be taken up as, the account's. */
export function isOwned(ownership: Ownership): boolean {
  return ownership === 'ours' || ownership === 'earlier';
}

/**
 * Whether a role or association with the tags of this cluster's ARN belongs to its issuer. Earlier versions wrote no tag for
 * that: the trust policy shows it, unless it names no issuer at all. An association without the tag shows nothing.
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

/** The issuers that a role belongs to by its tags or, without the tag, by its trust policy. */
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

/** The cluster and account that a role's tags name, if it is a role of Konstellation at all. */
export function taggedOwner(tags: Tags): { clusterArn: string; account: string } | undefined {
  const clusterArn = tagValue(tags, clusterTag);
  const account = tagValue(tags, accountTag);
  if (tagValue(tags, managedByTag) !== 'konstellation' || clusterArn === undefined || account === undefined)
    return undefined;
  return { clusterArn, account };
}

/** Whether we set the role in the annotation; if so it is ours to change. */
export function carriesOurRole({ roleArn, roleArnManager }: ObservedServiceAccount): boolean {
  return roleArn !== undefined && (roleArnManager === undefined || roleArnManager === fieldManager);
}
