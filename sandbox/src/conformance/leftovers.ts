/**
 * Finds and removes objects that runs have created. A role or policy belongs to a run if its path and its tag name the
 * same run. A provider belongs to the run in its tag. A bucket belongs to a run if its name contains the run and all
 * its keys are keys that the scenarios write.
 */
import {
  DeletePodIdentityAssociationCommand,
  DescribePodIdentityAssociationCommand,
  paginateListPodIdentityAssociations,
} from '@aws-sdk/client-eks';
import {
  DeleteOpenIDConnectProviderCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  ListOpenIDConnectProvidersCommand,
  ListOpenIDConnectProviderTagsCommand,
  ListPolicyTagsCommand,
  paginateListAttachedRolePolicies,
  paginateListPolicies,
  paginateListPolicyVersions,
  paginateListRolePolicies,
  paginateListRoles,
  type Tag,
} from '@aws-sdk/client-iam';
import {
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListBucketsCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { errorMessage } from '../../../src/k8s/errors.ts';
import type { Clients } from './clients.ts';
import type { Ledger } from './guard.ts';
import { commonPath, commonPrefix, madeUpIssuerSuffix, tagKey } from './place.ts';

export type Leftover = {
  readonly kind: 'association' | 'role' | 'policy' | 'provider' | 'bucket';
  /** Name of a role or bucket, ARN of a policy or provider, id of an association. */
  readonly id: string;
  readonly run: string;
};

export type Leftovers = {
  readonly owned: readonly Leftover[];
  /** Objects with the path or name of a run, but without the tag or content that objects of a run have. */
  readonly unowned: readonly Omit<Leftover, 'run'>[];
};

export type Search = {
  /** Run whose objects are searched. Default: all runs. */
  readonly run?: string | undefined;
  /** Name of the EKS cluster whose associations are searched. */
  readonly clusterName?: string | undefined;
  /** Names of new objects that listings might not show yet. The search includes these names. */
  readonly ledger?: Ledger | undefined;
  /** Keys of the S3 objects that the scenarios write. */
  readonly keys: ReadonlySet<string>;
};

const runs = '([a-z0-9]{8})';
/**
 * Pattern whose first slash is optional: a scenario tries a path without the slash, which IAM refuses and other
 * implementations accept.
 */
const runOfPath = new RegExp(`^/?${commonPath.slice(1)}${runs}/`);
const runOfPolicy = new RegExp(`:policy${commonPath}${runs}/`);
const runOfName = new RegExp(`^${commonPrefix}${runs}(?:-|$)`);
const runOfIssuer = new RegExp(`oidc-provider/${runs}\\${madeUpIssuerSuffix}$`);

/** Errors for an object that was deleted in the meantime, or whose name AWS refused. */
const missing =
  /^(NoSuchEntity|NoSuchBucket|NotFound|ResourceNotFound|ValidationError|InvalidBucketName)(Exception)?$/;

export async function findLeftovers(clients: Clients, search: Search): Promise<Leftovers> {
  const kinds = [findAssociations, findRoles, findPolicies, findProviders, findBuckets];
  const owned: Leftover[] = [];
  const unowned: Omit<Leftover, 'run'>[] = [];
  for (const find of kinds)
    for (const { kind, id, run } of await find(clients, search))
      if (run === undefined) unowned.push({ kind, id });
      else if (search.run === undefined || search.run === run) owned.push({ kind, id, run });
  return { owned, unowned };
}

/** An object that is removed if it belongs to a run. If `run` is undefined, the object is kept. */
type Candidate = Pick<Leftover, 'kind' | 'id'> & { readonly run: string | undefined };

async function findRoles({ iam }: Clients, { run, ledger }: Search): Promise<readonly Candidate[]> {
  const names = new Set(ledger?.roles);
  const PathPrefix = run === undefined ? commonPath : `${commonPath}${run}/`;
  for await (const { Roles = [] } of paginateListRoles({ client: iam }, { PathPrefix }))
    for (const { RoleName = '' } of Roles) names.add(RoleName);
  return inGroups([...names], async (id) => {
    const role = (await unlessMissing(iam.send(new GetRoleCommand({ RoleName: id }))))?.Role;
    return role && { kind: 'role', id, run: confirmedBy(role.Tags, runOfPath.exec(role.Path ?? '')?.[1]) };
  });
}

async function findPolicies({ iam }: Clients, { run, ledger }: Search): Promise<readonly Candidate[]> {
  const arns = new Set(ledger?.policies);
  const PathPrefix = run === undefined ? commonPath : `${commonPath}${run}/`;
  for await (const { Policies = [] } of paginateListPolicies({ client: iam }, { Scope: 'Local', PathPrefix }))
    for (const { Arn = '' } of Policies) arns.add(Arn);
  return inGroups([...arns], async (id) => {
    const listed = await unlessMissing(iam.send(new ListPolicyTagsCommand({ PolicyArn: id })));
    return listed && { kind: 'policy', id, run: confirmedBy(listed.Tags, runOfPolicy.exec(id)?.[1]) };
  });
}

async function findProviders({ iam }: Clients, { ledger }: Search): Promise<readonly Candidate[]> {
  const { OpenIDConnectProviderList: listed = [] } = await iam.send(
    new ListOpenIDConnectProvidersCommand({}),
  );
  const arns = new Set([...(ledger?.providers ?? []), ...listed.map(({ Arn = '' }) => Arn)]);
  return inGroups([...arns], async (id) => {
    const ofRun = runOfIssuer.exec(id)?.[1];
    try {
      const tags = await unlessMissing(
        iam.send(new ListOpenIDConnectProviderTagsCommand({ OpenIDConnectProviderArn: id })),
      );
      const run = tagOf(tags?.Tags);
      if (!tags || (ofRun === undefined && run === undefined)) return undefined;
      return { kind: 'provider', id, run: ofRun === undefined || ofRun === run ? run : undefined };
    } catch (error) {
      // The policy that `kon conformance` prints does not allow reads of providers that belong to others.
      if (ofRun === undefined && (error as Error).name.startsWith('AccessDenied')) return undefined;
      throw error;
    }
  });
}

async function findBuckets({ s3 }: Clients, { keys, ledger }: Search): Promise<readonly Candidate[]> {
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  const names = new Set([...(ledger?.buckets ?? []), ...Buckets.map(({ Name = '' }) => Name)]);
  return inGroups(
    [...names].filter((name) => runOfName.test(name)),
    async (id) => {
      const found = await unlessMissing(keysIn({ s3 }, id));
      const isOurs = found?.every((key) => keys.has(key));
      return found && { kind: 'bucket', id, run: isOurs ? runOfName.exec(id)?.[1] : undefined };
    },
  );
}

async function findAssociations({ eks }: Clients, { clusterName }: Search): Promise<readonly Candidate[]> {
  if (clusterName === undefined) return [];
  const ids: { readonly id: string; readonly namespace: string }[] = [];
  for await (const { associations = [] } of paginateListPodIdentityAssociations(
    { client: eks },
    { clusterName },
  ))
    for (const { associationId = '', namespace = '' } of associations)
      if (runOfName.test(namespace)) ids.push({ id: associationId, namespace });
  return inGroups(ids, async ({ id, namespace }) => {
    const described = await unlessMissing(
      eks.send(new DescribePodIdentityAssociationCommand({ clusterName, associationId: id })),
    );
    const run = runOfName.exec(namespace)?.[1];
    const tag = described?.association?.tags?.[tagKey];
    return described && { kind: 'association', id, run: tag === run ? run : undefined };
  });
}

/**
 * Removes as many objects as possible: if AWS refuses to delete an object, the other objects are still removed.
 * @param onRemoved called after each removal
 * @returns one sentence for each object that could not be removed
 */
export async function removeLeftovers(
  clients: Clients,
  leftovers: readonly Leftover[],
  options: {
    readonly clusterName?: string | undefined;
    readonly onRemoved: (removed: Leftover) => void;
  },
): Promise<readonly string[]> {
  const failures: string[] = [];
  // A policy can be deleted only after it is detached from all roles.
  for (const kind of ['association', 'role', 'policy', 'provider', 'bucket'] as const)
    await inGroups(
      leftovers.filter((leftover) => leftover.kind === kind),
      async (leftover) => {
        try {
          await unlessMissing(removals[kind](clients, leftover.id, options.clusterName));
          options.onRemoved(leftover);
        } catch (error) {
          failures.push(`${leftoverText(leftover)}: ${errorMessage(error)}`);
        }
        return undefined;
      },
    );
  return failures;
}

export const leftoverText = ({ kind, id }: Pick<Leftover, 'kind' | 'id'>): string => `${kind} ${id}`;

const removals: Readonly<
  Record<
    Leftover['kind'],
    (clients: Clients, id: string, clusterName: string | undefined) => Promise<unknown>
  >
> = {
  association: ({ eks }, associationId, clusterName) =>
    eks.send(new DeletePodIdentityAssociationCommand({ clusterName, associationId })),
  role: async ({ iam }, RoleName) => {
    for await (const { AttachedPolicies = [] } of paginateListAttachedRolePolicies(
      { client: iam },
      { RoleName },
    ))
      for (const { PolicyArn } of AttachedPolicies)
        await unlessMissing(iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })));
    for await (const { PolicyNames = [] } of paginateListRolePolicies({ client: iam }, { RoleName }))
      for (const PolicyName of PolicyNames)
        await unlessMissing(iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })));
    return iam.send(new DeleteRoleCommand({ RoleName }));
  },
  policy: async ({ iam }, PolicyArn) => {
    for await (const { Versions = [] } of paginateListPolicyVersions({ client: iam }, { PolicyArn }))
      for (const { VersionId, IsDefaultVersion } of Versions)
        if (!IsDefaultVersion)
          await unlessMissing(iam.send(new DeletePolicyVersionCommand({ PolicyArn, VersionId })));
    return iam.send(new DeletePolicyCommand({ PolicyArn }));
  },
  provider: ({ iam }, OpenIDConnectProviderArn) =>
    iam.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn })),
  bucket: async ({ s3 }, Bucket) => {
    for (const Key of await keysIn({ s3 }, Bucket)) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    return s3.send(new DeleteBucketCommand({ Bucket }));
  },
};

async function keysIn({ s3 }: Pick<Clients, 's3'>, Bucket: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket }))
    keys.push(...Contents.map(({ Key = '' }) => Key));
  return keys;
}

const tagOf = (tags: readonly Tag[] | undefined): string | undefined =>
  tags?.find(({ Key }) => Key === tagKey)?.Value;

/** Returns the run if the tag names the same run, otherwise undefined. */
const confirmedBy = (tags: readonly Tag[] | undefined, run: string | undefined): string | undefined =>
  tagOf(tags) === run ? run : undefined;

async function unlessMissing<T>(sent: Promise<T>): Promise<T | undefined> {
  try {
    return await sent;
  } catch (error) {
    if (missing.test((error as Error).name)) return undefined;
    throw error;
  }
}

/** Number of concurrent calls, small enough that IAM does not throttle them. */
const groupSize = 4;

async function inGroups<In, Out>(
  items: readonly In[],
  act: (item: In) => Promise<Out | undefined>,
): Promise<readonly Out[]> {
  const results: Out[] = [];
  for (let start = 0; start < items.length; start += groupSize) {
    const group = await Promise.all(items.slice(start, start + groupSize).map(act));
    results.push(...group.filter((result) => result !== undefined));
  }
  return results;
}
