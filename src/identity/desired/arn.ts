/** Amazon resource names (ARNs): functions to read and build them. */

/** The partition of an ARN: `aws`, `aws-cn`, `aws-us-gov`, … */
export function partitionOf(arn: string): string {
  return arn.split(':')[1] ?? '';
}

/** The id of the AWS account in an ARN. */
export function accountIdOf(arn: string): string {
  return arn.split(':')[4] ?? '';
}

/** The name at the end of a role's ARN, after the path. */
export function roleNameOf(roleArn: string): string {
  return roleArn.slice(roleArn.lastIndexOf('/') + 1);
}

export function roleArn(of: { partition: string; accountId: string; path: string; name: string }): string {
  return `arn:${of.partition}:iam::${of.accountId}:role${of.path}${of.name}`;
}

export function clusterArn(of: {
  partition: string;
  region: string;
  accountId: string;
  name: string;
}): string {
  return `arn:${of.partition}:eks:${of.region}:${of.accountId}:cluster/${of.name}`;
}

/** An issuer in IAM's form: its URL without the scheme. A trailing slash is kept, also in provider ARNs and condition keys. */
export function issuerHost(issuer: string): string {
  return issuer.replace(/^https:\/\//, '');
}

export function oidcProviderArn(of: { partition: string; accountId: string; issuer: string }): string {
  return `arn:${of.partition}:iam::${of.accountId}:oidc-provider/${issuerHost(of.issuer)}`;
}

/** Whether a message contains exactly this ARN. A longer ARN that starts with this ARN does not count. */
export function namesArn(message: string, arn: string): boolean {
  return message.split(/[\s"'();]+/).some((word) => word.replace(/[.,:]$/, '') === arn);
}

/**
 * Message about an object, prefixed with the object's ARN. The prefix is omitted if the message, for example an AWS error,
 * already names the ARN.
 */
export function messageAbout(arn: string, message: string): string {
  return namesArn(message, arn) ? message : `${arn}: ${message}`;
}

/**
 * Whether an ARN matches a pattern, like IAM's `StringLike`: `*` matches any characters, including `/` and `:`, and `?` matches
 * one character. Patterns come from users and are matched on the event loop that also renews the Lease, so a slow match would
 * cost the Lease. The function therefore backtracks only to the last `*`: it takes time proportional to the product of both
 * lengths at most, whereas a regular expression can take exponential time.
 */
export function matchesPattern(arn: string, pattern: string): boolean {
  let at = 0;
  let next = 0;
  let lastStar = -1;
  let retryAt = 0;
  while (at < arn.length) {
    const wanted = pattern[next];
    if (wanted === '*') {
      lastStar = next;
      retryAt = at;
      next += 1;
    } else if (wanted === '?' || wanted === arn[at]) {
      next += 1;
      at += 1;
    } else if (lastStar >= 0) {
      retryAt += 1;
      at = retryAt;
      next = lastStar + 1;
    } else {
      return false;
    }
  }
  while (pattern[next] === '*') next += 1;
  return next === pattern.length;
}
