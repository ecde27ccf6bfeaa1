/**
 * Names of roles. Names are deterministic. Therefore a role's ARN is known without a call to IAM. If the operator crashes after
 * it created a role and before it wrote the status, it finds this role again instead of creating a second one.
 */
import { digest } from './digest.ts';

/** Maximum length of a role name in IAM. Source: IAM User Guide, "IAM and STS quotas". */
const maxLength = 64;
const digestLength = 12;
/** Length reserved for the suffix in the name of a further role: `-2` to `-999`. */
const suffixLength = 4;
const prefix = 'kon-';

/**
 * Role name `kon-<cluster>-<account>-<digest>` of at most 60 characters, followed by `-2`, `-3`, … for further roles.
 * The readable parts are truncated to fit. The digest covers the whole cluster ARN and the whole account name. There
 * are three reasons: the readable parts may be truncated, two regions may have clusters of the same name, and IAM
 * allows no two role names that differ only in case.
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

/** Index in a role's name: 1 for the base name itself, n for the base name with the suffix `-n`; undefined for any other name. */
export function roleIndex(name: string, baseName: string): number | undefined {
  if (name === baseName) return 1;
  const match = name.startsWith(`${baseName}-`) ? /^[0-9]{1,3}$/.exec(name.slice(baseName.length + 1)) : null;
  const index = match ? Number(match[0]) : 0;
  return index >= 2 ? index : undefined;
}

/**
 * Label value for an account's name. Long names are truncated and get a digest, because an account's name can have 253 characters
 * and a label value only 63.
 */
export function accountLabelValue(account: string): string {
  return account.length <= 63
    ? account
    : `${account.slice(0, 50).replace(/[.-]+$/, '')}-${digest([account], 12)}`;
}
