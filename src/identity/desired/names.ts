/**
 * The names of roles. They are deterministic, so that a role's ARN is known before IAM is asked, and a crash
 * between the creation of a role and the note of it cannot make a second one.
 */
import { digest } from './digest.ts';

/** IAM allows a role name 64 characters. Source: IAM User Guide, "IAM and STS quotas". */
const maxLength = 64;
const digestLength = 12;
/** Room for the suffix of a further role: `-2` up to `-999`. */
const suffixLength = 4;
const prefix = 'kon-';

/**
 * `kon-<cluster>-<account>-<digest>`, at most 60 characters, with `-2`, `-3`, … behind it for further roles.
 * The readable parts are cut to fit. The digest is over the whole cluster ARN and the whole account name, because
 * two regions may have clusters of one name, and because IAM names of one AWS account are unique without regard to case.
 */
export function roleName(of: {
  clusterArn: string;
  clusterName: string;
  account: string;
  index?: number;
}): string {
  const room = maxLength - suffixLength - prefix.length - digestLength - 2;
  const cluster = of.clusterName.slice(0, Math.max(room - of.account.length, Math.floor(room * 0.4)));
  const account = of.account.slice(0, room - cluster.length);
  const index = of.index ?? 1;
  const name = `${prefix}${cluster}-${account}-${digest([of.clusterArn, of.account], digestLength)}`;
  return index === 1 ? name : `${name}-${index}`;
}

/** The index of a role among its account's: 1 for the name itself, n for `-n`; undefined when it is none of its names. */
export function roleIndex(name: string, baseName: string): number | undefined {
  if (name === baseName) return 1;
  const match = name.startsWith(`${baseName}-`) ? /^[0-9]{1,3}$/.exec(name.slice(baseName.length + 1)) : null;
  const index = match ? Number(match[0]) : 0;
  return index >= 2 ? index : undefined;
}

/** An account's name as the value of a label, which has at most 63 characters where a name has 253. */
export function accountLabelValue(account: string): string {
  return account.length <= 63
    ? account
    : `${account.slice(0, 50).replace(/[.-]+$/, '')}-${digest([account], 12)}`;
}
