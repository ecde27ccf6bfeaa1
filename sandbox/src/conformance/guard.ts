/**
 * Final check before a call is sent: a run writes only objects with its name prefix and under its path. The rows of the
 * scenario table already follow this rule; the guard protects a real account from a mistake in a row.
 */
import { deniesAll, tagKey, walkSuffix, type Place } from './place.ts';

/**
 * Names of objects that a run has possibly created. A name is recorded before the call is sent, because the response
 * can be lost.
 */
export type Ledger = {
  readonly roles: Set<string>;
  readonly policies: Set<string>;
  readonly providers: Set<string>;
  readonly buckets: Set<string>;
};

export type Guard = {
  readonly ledger: Ledger;
  /**
   * @param operation operation of the API, for example `CreateRole`
   * @throws Error if the call would write outside the path, name prefix and tag of the run
   */
  readonly check: (operation: string, input: Readonly<Record<string, unknown>>) => void;
};

/** Operations that only read or compute a response. */
const reading = /^(Get|List|Head|Describe|Simulate)/;
/** Bucket names that S3 never accepts. */
const impossibleBuckets: readonly unknown[] = ['ab', '192.168.5.4'];

export function createGuard(place: Place): Guard {
  const { prefix, path, run, partition, accountId, cluster } = place;
  const ledger: Ledger = {
    roles: new Set(),
    policies: new Set(),
    providers: new Set(),
    buckets: new Set(),
  };
  const hasPrefix = (name: unknown): boolean => typeof name === 'string' && name.startsWith(prefix);
  /**
   * Whether the path is under the run's path. Also accepts malformed spellings of that path, which IAM refuses, because
   * a scenario tries them.
   */
  const isInside = (given: unknown): boolean => `/${String(given)}/`.includes(path);
  const hasTag = (tags: unknown): boolean =>
    Array.isArray(tags)
      ? tags.some(({ Key, Value }) => Key === tagKey && Value === run)
      : (tags as Record<string, unknown> | undefined)?.[tagKey] === run;
  const isCreated = ({ RoleName, PolicyName, Path, Tags }: Readonly<Record<string, unknown>>): boolean =>
    hasPrefix(RoleName ?? PolicyName) && isInside(Path) && hasTag(Tags);
  const policyPrefix = `arn:${partition}:iam::${accountId}:policy${path}`;
  /** ARN prefix of AWS managed policies. AWS refuses any change to these policies. */
  const awsPolicies = `arn:${partition}:iam::aws:policy/`;
  const providerOfRun = place.providerArn(place.madeUpIssuer);
  const isOwnProvider = (arn: unknown): boolean =>
    arn === providerOfRun || (typeof arn === 'string' && ledger.providers.has(arn));
  /**
   * Whether the walkthrough makes this call to simulate drift. The role's name shows this, because the operator puts
   * the account's name into it.
   */
  const isDriftOfWalkthrough = ({ RoleName, PolicyArn }: Readonly<Record<string, unknown>>): boolean =>
    String(RoleName).includes(`-${prefix}${walkSuffix}-`) && PolicyArn === place.managed(deniesAll);
  const onRole = ({ RoleName }: Readonly<Record<string, unknown>>): boolean => hasPrefix(RoleName);
  const onPolicy = ({ PolicyArn }: Readonly<Record<string, unknown>>): boolean =>
    String(PolicyArn).startsWith(policyPrefix);
  const onBucket = ({ Bucket }: Readonly<Record<string, unknown>>): boolean => hasPrefix(Bucket);
  const ofRole = ({ RoleArn }: Readonly<Record<string, unknown>>): boolean =>
    String(RoleArn).includes(`:role${path}`);

  const rules: Readonly<Record<string, (input: Readonly<Record<string, unknown>>) => boolean>> = {
    CreateRole: isCreated,
    DeleteRole: onRole,
    UpdateRole: onRole,
    UpdateAssumeRolePolicy: onRole,
    GenerateServiceLastAccessedDetails: ({ Arn }) => ofRole({ RoleArn: Arn }),
    AttachRolePolicy: onRole,
    DetachRolePolicy: (input) => onRole(input) || isDriftOfWalkthrough(input),
    PutRolePolicy: onRole,
    DeleteRolePolicy: onRole,
    PutRolePermissionsBoundary: onRole,
    DeleteRolePermissionsBoundary: onRole,
    TagRole: onRole,
    UntagRole: onRole,
    CreatePolicy: isCreated,
    CreatePolicyVersion: onPolicy,
    SetDefaultPolicyVersion: onPolicy,
    DeletePolicyVersion: onPolicy,
    DeletePolicy: (input) => onPolicy(input) || String(input['PolicyArn']).startsWith(awsPolicies),
    CreateOpenIDConnectProvider: ({ Url, Tags }) => {
      const host = String(Url).replace(/^https?:\/\//, '');
      const isNew = cluster !== undefined && !cluster.hasProvider && host === cluster.issuerHost;
      return hasTag(Tags) && (host === place.madeUpIssuer || isNew);
    },
    AddClientIDToOpenIDConnectProvider: (input) => isOwnProvider(input['OpenIDConnectProviderArn']),
    DeleteOpenIDConnectProvider: (input) => isOwnProvider(input['OpenIDConnectProviderArn']),
    AssumeRole: ofRole,
    AssumeRoleWithWebIdentity: ofRole,
    CreatePodIdentityAssociation: (input) =>
      cluster !== undefined &&
      input['clusterName'] === cluster.name &&
      input['namespace'] === cluster.namespace &&
      ofRole({ RoleArn: input['roleArn'] }) &&
      hasTag(input['tags']),
    // Association ids are random and cannot be checked. The scenario uses only the id of the association that the
    // scenario created.
    DeletePodIdentityAssociation: (input) => cluster !== undefined && input['clusterName'] === cluster.name,
    CreateBucket: (input) => onBucket(input) || impossibleBuckets.includes(input['Bucket']),
    DeleteBucket: onBucket,
    PutObject: onBucket,
    CopyObject: onBucket,
    DeleteObject: onBucket,
    DeleteObjects: onBucket,
  };

  const note = (operation: string, input: Readonly<Record<string, unknown>>): void => {
    if (operation === 'CreateRole') ledger.roles.add(String(input['RoleName']));
    if (operation === 'CreatePolicy')
      ledger.policies.add(
        `arn:${partition}:iam::${accountId}:policy${String(input['Path'])}${String(input['PolicyName'])}`,
      );
    if (operation === 'CreateOpenIDConnectProvider')
      ledger.providers.add(place.providerArn(String(input['Url']).replace(/^https?:\/\//, '')));
    if (operation === 'CreateBucket' && onBucket(input)) ledger.buckets.add(String(input['Bucket']));
  };

  return {
    ledger,
    check(operation, input) {
      if (reading.test(operation)) return;
      if (rules[operation]?.(input) !== true)
        throw new OutsidePlaceError(
          `bug in kon conformance: ${operation} would write outside the path ${path} and the name prefix ${prefix}, so the call was not sent`,
        );
      note(operation, input);
    },
  };
}

/** A call was rejected before it was sent, because it would write outside the path, name prefix and tag of the run. */
export class OutsidePlaceError extends Error {}
