/** Checks the ARNs in `Resource` elements of identity policies, with IAM's error messages. */
import { partitionNames } from '../api/partition-names.ts';
import { segmentCount } from './arn.ts';
import { splitByColon } from './pattern.ts';
import { fault } from './syntax.ts';

const partitions: ReadonlySet<string> = new Set(partitionNames);

const iamPaths = [
  'user/',
  'federated-user/',
  'role/',
  'group/',
  'instance-profile/',
  'mfa/',
  'server-certificate/',
  'policy/',
  'sms-mfa/',
  'saml-provider/',
  'oidc-provider/',
  'report/',
  'access-report/',
];

/** S3 resources whose ARN contains a region and an account. The ARNs of buckets and objects contain neither. */
const regionalS3 =
  /^(?:accesspoint|accesspointobject|access-grants|async-request|job|storage-lens|storage-lens-group)\b|^\*/;

export function checkResource(resource: string): void {
  if (resource === '*') return;
  // A colon inside a policy variable does not separate segments.
  const [prefix, partition, vendor, region, account, ...rest] = resource
    .replaceAll(/\$\{[^}]*\}/g, 'variable')
    .split(':');
  if (prefix !== 'arn' || partition === undefined)
    fault(`Resource ${resource} must be in ARN format or "*".`);
  if (partition !== '*' && !partitions.has(partition)) {
    // The message shows missing segments as wildcards, because IAM interprets short ARNs in this way.
    const id = account === undefined ? '*' : rest.length > 0 ? [account, ...rest].join(':') : account;
    fault(
      `Partition "${partition}" is not valid for resource "arn:${partition}:${vendor ?? '*'}:${region ?? '*'}:${id}".`,
    );
  }
  if (vendor === undefined || /[*?]/.test(vendor))
    fault('Resource vendor must be fully qualified and cannot contain regexes.');
  if (vendor === '' || (rest.length === 0 && resource.includes('::')))
    fault('The policy failed legacy parsing');
  const path = rest.join(':');
  if (region === undefined || rest.length === 0) return;
  if (vendor === 'iam') {
    if (region !== '') fault(`IAM resource ${resource} cannot contain region information.`);
    // The paths `*` and `root` are accepted although IAM's message does not name them, since AWS managed policies use
    // both.
    if (path !== '*' && path !== 'root' && !iamPaths.some((start) => path.startsWith(start)))
      fault(`IAM resource path must either be "*" or start with ${iamPaths.join(', ')}.`);
  }
  if (vendor === 's3' && region !== '' && !regionalS3.test(path))
    fault(`Resource ${resource} can not contain region information.`);
}

/**
 * Requires all segments of the ARN, as IAM does in session policies. Source: IAM User Guide, "Identify AWS resources
 * with ARNs". The message differs from the message of IAM.
 */
export function requireCompleteArn(resource: string): void {
  if (resource === '*') return;
  const segments = splitByColon(resource, { limit: segmentCount, aroundVariables: true });
  if (segments.length < segmentCount) fault(`Resource ${resource} must be a complete ARN or "*".`);
}
