/**
 * Whose role or association it is. The marks are tags written by the very call that creates it, and every later write looks
 * at them first: what does not carry them is never changed and never deleted.
 */
import type { LinkedServiceAccount } from '../api/index.ts';

const managedByTag = 'k11n.dev/managed-by';
/** Also the consent of who may tag a role that it be taken over by this cluster. */
export const clusterTag = 'k11n.dev/cluster';
const accountTag = 'k11n.dev/account';
const uidTag = 'k11n.dev/uid';
/** On a role that was there before us: it is given back, not deleted. */
const adoptedTag = 'k11n.dev/adopted';

/** The keys of our marks, for taking them off a role that is let go. */
export const ownershipTagKeys = [managedByTag, clusterTag, accountTag, uidTag, adoptedTag] as const;

export function isMark(key: string): boolean {
  return ownershipTagKeys.some((mark) => mark === key);
}

export function isAdopted(tags: Readonly<Record<string, string>>): boolean {
  return tags[adoptedTag] === 'true';
}

/** The role was there before us: its mark says so or, should it have lost that, the account that took it over. */
export function wasThere(
  { name, tags }: { readonly name: string; readonly tags: Readonly<Record<string, string>> },
  { aws }: LinkedServiceAccount['spec'],
): boolean {
  return isAdopted(tags) || (aws.adopt === true && aws.roleName === name);
}

export const adoptedMark: Readonly<Record<string, string>> = { [adoptedTag]: 'true' };

/** The marks for taking over a role that exists. */
export function adoptionTags(owner: Owner): Readonly<Record<string, string>> {
  return { ...ownershipTags(owner), ...adoptedMark };
}

/** Whether anybody's Konstellation holds the role: then it is not up for adoption. */
export function isHeld(tags: Readonly<Record<string, string>>): boolean {
  return managedByTag in tags;
}

export type Owner = { readonly clusterArn: string; readonly account: string; readonly uid: string };

/** The marks which all roles of a cluster have in common. */
export function clusterMarks(clusterArn: string): Readonly<Record<string, string>> {
  return { [managedByTag]: 'konstellation', [clusterTag]: clusterArn };
}

export function ownershipTags(owner: Owner): Readonly<Record<string, string>> {
  return {
    ...clusterMarks(owner.clusterArn),
    [accountTag]: owner.account,
    [uidTag]: owner.uid,
  };
}

/**
 * `ours`: of this very account. `earlier`: of an account of this name on this cluster which is no more; it may be
 * taken up. `foreign`: anything else.
 */
export type Ownership = 'ours' | 'earlier' | 'foreign';

export function ownershipOf(tags: Readonly<Record<string, string>>, owner: Owner): Ownership {
  const marked =
    tags[managedByTag] === 'konstellation' &&
    tags[clusterTag] === owner.clusterArn &&
    tags[accountTag] === owner.account;
  if (!marked) return 'foreign';
  return tags[uidTag] === owner.uid ? 'ours' : 'earlier';
}

/** The cluster and account that a role's tags name, if it is a role of Konstellation at all. */
export function markedFor(
  tags: Readonly<Record<string, string>>,
): { clusterArn: string; account: string } | undefined {
  const clusterArn = tags[clusterTag];
  const account = tags[accountTag];
  if (tags[managedByTag] !== 'konstellation' || clusterArn === undefined || account === undefined)
    return undefined;
  return { clusterArn, account };
}
