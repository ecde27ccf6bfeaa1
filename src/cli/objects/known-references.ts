/**
 * Refuses to save an object that names a target, account, policy or role that does not exist. The operator would report
 * the same problem after the write; a check before the write lets the user correct a misspelled name first. References
 * to objects that cannot be read are not checked.
 */
import type { AppSpec } from '../../api/app.ts';
import type { ClusterConfig } from '../../api/cluster-config.ts';
import type { LinkedServiceAccountSpec } from '../../api/linked-service-account.ts';
import { policyEntries } from '../../identity/desired/policy-entries.ts';
import { isPolicyName, policyArnOf } from '../../identity/desired/policy-names.ts';
import type { KubeClient } from '../../kube/index.ts';
import { findClusterFacts, getClusterConfig, type KnownCluster } from '../cluster/cluster-config.ts';
import { accountKind, type KonObject } from '../cluster/kinds.ts';
import { listObjects } from '../cluster/objects.ts';
import { closest, didYouMean } from '../framework/closest.ts';
import type { CliContext } from '../framework/context.ts';
import type { Check } from '../framework/edit/edit-object.ts';
import { CliError } from '../framework/errors.ts';
import type { Manifest } from '../manifest/present.ts';

/** Planned write: the current object, and the object after the write. */
type Proposal = {
  readonly current: Pick<KonObject, 'kind' | 'spec'> | undefined;
  readonly next: Pick<Manifest, 'kind' | 'metadata' | 'spec'>;
};

/**
 * Time limit for calls to AWS. It is short because a user waits: without configured credentials, the SDK first tries to
 * load credentials over the network.
 */
const patienceMs = 2_000;

/** @throws CliError of code NOT_FOUND that lists the unknown names in all objects */
export async function requireKnown(
  context: CliContext,
  client: KubeClient,
  proposals: readonly Proposal[],
  { force = false }: { readonly force?: boolean | undefined },
): Promise<void> {
  if (force) return;
  const problems = await unknownReferences(context, client, proposals);
  if (problems.length === 0) return;
  throw new CliError('NOT_FOUND', 'the manifest names objects that do not exist; nothing was saved', {
    details: problems,
    next: ['Correct the names, or save the manifest anyway with --force.'],
  });
}

/**
 * Returns a check that all referenced objects exist. If the check finds problems, the edit loop opens the editor again
 * and shows these problems.
 */
export function checkKnown(
  context: CliContext,
  client: KubeClient,
  { force = false }: { readonly force?: boolean },
): Check {
  return async (current, next) => {
    if (force) return [];
    const problems = await unknownReferences(context, client, [{ current, next }]);
    return problems.length > 0
      ? [...problems, 'To save the manifest anyway, repeat the command with --force.']
      : [];
  };
}

/**
 * Returns one line for each target, account, policy or role that the write newly names and that does not exist. Accepts
 * names that the object already has.
 */
async function unknownReferences(
  context: CliContext,
  client: KubeClient,
  proposals: readonly Proposal[],
): Promise<readonly string[]> {
  const added = proposals.map(({ current, next }) => ({
    of: `${next.kind} "${next.metadata.name}"`,
    names: without(referencesOf(next), current && referencesOf(current)),
  }));
  const some = (part: keyof References): boolean => added.some(({ names }) => names[part].length > 0);
  const readable = <T>(reading: Promise<T>): Promise<T | undefined> =>
    reading.catch((error: unknown) => {
      context.signal.throwIfAborted();
      context.debug(`cannot check whether the named policies, roles and targets exist: ${String(error)}`);
      return undefined;
    });
  const [targets, accounts] = await Promise.all([
    some('targets') ? readable(targetsOf(client, proposals)) : undefined,
    some('accounts') ? readable(listObjects(client, accountKind)) : undefined,
  ]);
  const isOutsideCatalogue = (entry: string): boolean => !isAwsManaged(entry);
  const asksAws = some('roles') || added.some(({ names }) => names.policies.some(isOutsideCatalogue));
  const cluster = asksAws ? await readable(findClusterFacts(client)) : undefined;
  const accountNames = accounts && [
    ...accounts.map(({ metadata }) => metadata.name),
    ...proposals.flatMap(({ next }) => (next.kind === accountKind.resource.kind ? [next.metadata.name] : [])),
  ];
  const problems: string[] = [];
  for (const { of, names } of added) {
    problems.push(
      ...unknownNames(`${of}: target`, names.targets, targets),
      ...unknownNames(`${of}: account`, names.accounts, accountNames),
      ...(await unknownManagedPolicies(of, names.policies.filter(isAwsManaged))),
    );
    const own = names.policies.filter(isOutsideCatalogue);
    if (cluster && own.length + names.roles.length > 0)
      problems.push(...((await readable(unknownInIam(context, cluster, of, own, names.roles))) ?? []));
  }
  return problems;
}

type References = {
  readonly targets: readonly string[];
  readonly accounts: readonly string[];
  /** Names and ARNs of managed policies. */
  readonly policies: readonly string[];
  /** Names of roles to adopt. Other roles need not exist, because the operator creates them. */
  readonly roles: readonly string[];
};

const none: References = { targets: [], accounts: [], policies: [], roles: [] };

function referencesOf({ kind, spec }: Pick<Manifest, 'kind' | 'spec'>): References {
  if (kind === 'App') {
    const { targets, serviceAccount } = spec as AppSpec;
    const accounts = serviceAccount === undefined ? [] : [serviceAccount];
    return { ...none, targets: targets.map(({ name }) => name), accounts };
  }
  if (kind !== 'LinkedServiceAccount') return none;
  const { aws, targets = [] } = spec as LinkedServiceAccountSpec;
  const { permissionsBoundaryArn: boundary, adopt, roleName } = aws;
  return {
    ...none,
    targets,
    policies: [...policyEntries(aws), ...(boundary === undefined ? [] : [boundary])],
    roles: adopt && roleName !== undefined ? [roleName] : [],
  };
}

function without(all: References, known: References | undefined): References {
  const left = (part: keyof References): readonly string[] => [
    ...new Set(all[part].filter((name) => !known?.[part].includes(name))),
  ];
  return {
    targets: left('targets'),
    accounts: left('accounts'),
    policies: left('policies'),
    roles: left('roles'),
  };
}

/**
 * Returns the targets of the ClusterConfig that is written together with the other objects, or else of the current
 * ClusterConfig.
 */
async function targetsOf(client: KubeClient, proposals: readonly Proposal[]): Promise<readonly string[]> {
  const written = proposals.flatMap(({ next }) =>
    next.kind === 'ClusterConfig' ? [next.spec as ClusterConfig['spec']] : [],
  );
  return written.length > 0
    ? written.flatMap((spec) => spec.targets)
    : (await getClusterConfig(client)).spec.targets;
}

function unknownNames(
  what: string,
  names: readonly string[],
  known: readonly string[] | undefined,
): readonly string[] {
  if (!known) return [];
  return names
    .filter((name) => !known.includes(name))
    .map((name) => `${what} "${name}" does not exist${didYouMean(closest(name, known))}`);
}

const awsPolicyPattern = /^(aws\/|arn:aws[a-z-]*:iam::aws:policy\/)(.+)$/;

const isAwsManaged = (entry: string): boolean => awsPolicyPattern.test(entry);

/** @param entries names and ARNs of AWS managed policies */
async function unknownManagedPolicies(of: string, entries: readonly string[]): Promise<readonly string[]> {
  if (entries.length === 0) return [];
  const { managedPolicies, managedPolicy } = await import('../../aws/catalogue/catalogue.ts');
  return entries.flatMap((entry) => {
    const [, scope = '', name = ''] = awsPolicyPattern.exec(entry) ?? [];
    if (managedPolicy(`arn:aws:iam::aws:policy/${name}`)) return [];
    const policies = managedPolicies();
    const plain = name.slice(name.lastIndexOf('/') + 1);
    const meant = closest(
      plain,
      policies.map((policy) => policy.name),
    );
    const path = policies.find((policy) => policy.name === meant)?.path.slice(1) ?? '';
    return [
      `${of}: AWS has no managed policy ${entry}${didYouMean(meant === undefined ? meant : scope + path + meant)}`,
    ];
  });
}

/** Looks up customer managed policies and roles in the cluster's AWS account, with the user's own credentials. */
async function unknownInIam(
  context: CliContext,
  { facts, region }: KnownCluster,
  of: string,
  policies: readonly string[],
  roles: readonly string[],
): Promise<readonly string[]> {
  const { requireAccount, withAws } = await import('../aws/session.ts');
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(patienceMs)]);
  return withAws(context, region, async (aws) => {
    await requireAccount({ ...context, signal }, aws, facts);
    const missing = await Promise.all([
      ...policies.map(async (entry) => {
        const arn = isPolicyName(entry) ? policyArnOf(entry, facts) : entry;
        // Skips policies of other AWS accounts, because IAM returns only policies of the caller's account.
        if (arn.split(':')[4] !== facts.accountId) return [];
        const found = await aws.policies.document(arn, signal);
        return found === undefined
          ? [`${of}: policy ${entry} does not exist in AWS account ${facts.accountId}`]
          : [];
      }),
      ...roles.map(async (role) => {
        const found = await aws.roles.read(role, signal);
        return found ? [] : [`${of}: role "${role}" does not exist in AWS account ${facts.accountId}`];
      }),
    ]);
    return missing.flat();
  });
}
