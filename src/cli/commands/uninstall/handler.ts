/** `kon uninstall`: takes away what an installation made, last made first, and says what stays. */
import { connectInstallation, type InstallationStore } from '../../../aws/installation.ts';
import { abandonAnnotation, allowDeletionAnnotation, managedByLabel } from '../../../api/labels.ts';
import type { LinkedServiceAccount } from '../../../api/linked-service-account.ts';
import type { ObservedRole, RoleStore } from '../../../identity/index.ts';
import {
  effectiveConfig,
  IdentityError,
  leftoverRoles,
  oidcProviderArn,
  roleNameOf,
  tagValue,
  trustsProvider,
} from '../../../identity/index.ts';
import {
  isNotFound,
  resources,
  sleep,
  systemTimer,
  type KubeClient,
  type KubeObject,
} from '../../../kube/index.ts';
import {
  identitiesHeld,
  isRunning,
  rolesHeld,
  serviceAccountOf,
  type Pod,
} from '../../../workloads/index.ts';
import { withAws, type Aws } from '../../aws/session.ts';
import { listObjects } from '../../cluster/objects.ts';
import { confirmed, requireConfirmation } from '../../framework/confirm.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import { exitCodes, type ExitCode } from '../../framework/exit-codes.ts';
import { accountKind, appKind, clusterConfigKind } from '../../cluster/kinds.ts';
import { waitUntilAllGone, type Deleted } from '../../framework/wait/all-gone.ts';
import { waitUntilGone } from '../../framework/wait/deletion.ts';
import { resultLine, type WaitInput } from '../../objects/finish.ts';
import { version } from '../../version.ts';
import {
  discoverCluster,
  hintsOf,
  requireConfigOf,
  type ClusterChoice,
  type DiscoveredCluster,
} from '../../installation/discover.ts';
import {
  admissionPolicyObjects,
  crdObjects,
  installer,
  operatorName,
  operatorObjects,
} from '../../installation/operator-objects.ts';
import {
  findOperators,
  refuseOthers,
  removalOf,
  type FoundOperator,
} from '../../installation/other-installations.ts';
import { acceptNew, refuseNew } from '../../installation/refuse-new.ts';
import { installedTag, operatorPolicyName, operatorRole } from '../../installation/operator-role.ts';
import { describeObject, fieldManager, orMissing, resourceOf } from '../../installation/steps.ts';

export type UninstallRequest = ClusterChoice & {
  readonly namespace: string;
  /** With them, accounts and their roles go too. */
  readonly deleteAccounts: boolean;
  /** Says what would go and what would stay. */
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Not waiting is about what is left at the end: accounts are waited for in any case, as the operator is needed for them. */
  readonly wait: WaitInput;
};

export async function uninstallFlow(context: CliContext, request: UninstallRequest): Promise<ExitCode> {
  const { stderr, signal } = context;
  const { dryRun } = request;
  const what = 'uninstalling Konstellation';
  const yes = request.yes || dryRun;
  requireConfirmation(context, { yes, what });
  const client = await context.connect();
  const config = effectiveConfig((await orMissing(listObjects(client, clusterConfigKind))) ?? []);
  const { hints, issuer } = await hintsOf(context, client);
  const region =
    request.region ??
    config?.spec.aws.region ??
    hints.region ??
    (context.env['AWS_REGION'] || context.env['AWS_DEFAULT_REGION']);
  if (!region)
    throw new CliError('USAGE', 'nothing tells the AWS region', { next: ['Give it: --region REGION'] });
  refuseHelm(await findOperators(client, signal), request);
  const listed = await requireRemovable(client, request);
  return withAws(context, region, async (aws) => {
    const installation = connectInstallation({ region, userAgent: `kon/${version}` });
    try {
      const caller = await aws.account.callerIdentity(signal);
      const name = config?.spec.aws.clusterName ?? config?.metadata.name;
      const choice = { ...request, clusterName: request.clusterName ?? name };
      const cluster = await discoverCluster({ choice, hints, issuer, region, caller, signal }, installation);
      requireConfigOf(config, cluster);
      const ask = (accounts: readonly LinkedServiceAccount[]): Promise<boolean> =>
        confirmed(context, {
          yes,
          what,
          question: `Remove Konstellation from ${cluster.clusterArn}${accounts.length > 0 ? `, and the accounts ${namesOf(accounts)} with their roles` : ''}?`,
        });
      if (!(await ask(listed ?? []))) {
        stderr.write('Nothing was changed.\n');
        return exitCodes.error;
      }
      const accounts = await withoutNew(context, client, { dryRun, isInstalled: listed !== undefined }, () =>
        removeAccounts(context, client, request, { listed: listed ?? [], ask }),
      );
      if (!accounts) {
        stderr.write('Nothing was changed.\n');
        return exitCodes.error;
      }
      const { kept, deleted } = await removeObjects(context, client, request);
      if (cluster.eks) kept.push(...(await removeAssociation(context, cluster, request, aws)));
      const leaving = accounts.flatMap(({ spec, status }) =>
        spec.deletionPolicy === 'Retain' || spec.aws.adopt === true || status?.roleArn === undefined
          ? []
          : roleNameOf(status.roleArn),
      );
      kept.push(...(await removeFromIam(context, cluster, request, aws.roles, installation, leaving)));
      for (const text of kept) stderr.write(`‼ stays: ${text}\n`);
      if (!dryRun) {
        // From here on a CRD that is being deleted refuses new objects.
        await acceptNew(client);
        if (!request.wait.noWait) await untilGone(context, client, deleted, request, cluster);
        await requireNoOperator(client, context);
      }
      context.stdout.write(resultLine('konstellation', 'uninstalled', dryRun));
      if (dryRun) return exitCodes.ok;
      const roles = await listedRoles(aws.roles, signal);
      if (!roles) {
        stderr.write(
          `‼ you may not list roles (iam:GetAccountAuthorizationDetails), so it is unknown whether any is left: kon account orphans --cluster-arn ${cluster.clusterArn}\n`,
        );
        return exitCodes.ok;
      }
      const leftovers = leftoverRoles(roles, cluster, new Set());
      const orphans = leftovers.filter(({ kind }) => kind === 'orphan');
      for (const { kind, name, account } of leftovers)
        if (kind === 'retained')
          stderr.write(`‼ stays: IAM role ${name}, retained by the account ${account}\n`);
      if (orphans.length === 0) return exitCodes.ok;
      throw new CliError('NOT_DELETED', `${orphans.length} roles of the cluster are left in IAM`, {
        details: orphans.map((orphan) => `${orphan.name}, of the account ${orphan.account}`),
        next: [`kon account orphans --delete --cluster-arn ${cluster.clusterArn}`],
      });
    } finally {
      installation.close();
    }
  });
}

/** Refuses installations that another tool has to remove. @throws CliError of code CONFLICT */
function refuseHelm(operators: readonly FoundOperator[], { namespace }: UninstallRequest): void {
  refuseOthers(operators, namespace, 'uninstall');
  const helm = operators.find(({ release }) => release !== undefined);
  if (!helm) return;
  throw new CliError('CONFLICT', `Konstellation was installed by Helm in the namespace ${namespace}`, {
    details: [`There: ${operators.map(({ object }) => object).join(', ')}.`],
    next: [
      'Delete apps and accounts while the operator runs: kon app delete NAME, kon account delete NAME',
      removalOf(helm),
      'The chart leaves CRDs and ClusterConfig: kon crds | kubectl delete -f -',
    ],
  });
}

/**
 * @returns the accounts that are deleted with it; undefined where their kind does not exist
 * @throws CliError of code CONFLICT while there are apps, accounts that were not asked for, or accounts in use
 */
async function requireRemovable(
  client: KubeClient,
  { deleteAccounts, dryRun }: UninstallRequest,
): Promise<readonly LinkedServiceAccount[] | undefined> {
  const accounts = await orMissing(listObjects(client, accountKind));
  const apps = (await orMissing(listObjects(client, appKind))) ?? [];
  if (apps.length > 0)
    throw new CliError('CONFLICT', `there are ${apps.length} apps: ${namesOf(apps)}`, {
      details: ['With the CRDs they would go, and their pods with them.'],
      next: [
        'Delete them: kon app delete NAME',
        'Or keep their objects: kubectl delete apps.k11n.dev NAME --cascade=orphan',
      ],
    });
  if (!accounts || accounts.length === 0) return accounts;
  if (!deleteAccounts)
    throw new CliError('CONFLICT', `there are ${accounts.length} accounts: ${namesOf(accounts)}`, {
      details: ['Without the operator their roles would stay.'],
      next: ['Delete them and their roles: kon uninstall --delete-accounts'],
    });
  const { items: pods } = await client.list<Pod & KubeObject>(resources.pods, {});
  const uses = accounts.flatMap((account) => {
    const users = podsUsing(account, pods);
    return users.length === 0 ? [] : `${account.metadata.name}: ${users.join(', ')}`;
  });
  if (uses.length > 0)
    throw new CliError('CONFLICT', 'running pods use accounts that would be deleted', {
      details: [...uses, 'No account was deleted.'],
      next: ['End the pods first, by whatever creates them; then run it again.'],
    });
  // Protected accounts refuse it before any is deleted.
  if (!dryRun)
    for (const { metadata } of accounts)
      await client.delete(accountKind.resource, { name: metadata.name }, { dryRun: true });
  return accounts;
}

/** `NAMESPACE/NAME` of running pods that hold the identity of an account. Those that are ending give it up by themselves. */
function podsUsing({ metadata, status }: LinkedServiceAccount, pods: readonly Pod[]): readonly string[] {
  const targets = new Set(status?.targets?.map(({ name }) => name));
  return pods
    .filter((pod) => isRunning(pod) && pod.metadata.deletionTimestamp === undefined)
    .filter(
      (pod) =>
        rolesHeld(pod).some((arn) => arn === status?.roleArn) ||
        (targets.has(pod.metadata.namespace ?? '') &&
          serviceAccountOf(pod) === metadata.name &&
          identitiesHeld(pod).some(({ kind }) => kind === 'podIdentity')),
    )
    .map((pod) => `${pod.metadata.namespace}/${pod.metadata.name}`);
}

/**
 * Deletes the accounts while nothing new is admitted. Where it fails, or is not wanted after all, new ones are admitted again;
 * afterwards they are refused up to the end.
 */
async function withoutNew<T>(
  context: CliContext,
  client: KubeClient,
  { dryRun, isInstalled }: { readonly dryRun: boolean; readonly isInstalled: boolean },
  work: () => Promise<T | undefined>,
): Promise<T | undefined> {
  if (dryRun || !isInstalled) return work();
  let done: T | undefined;
  try {
    await refuseNew(client, context);
    done = await work();
    return done;
  } finally {
    if (done === undefined) await acceptNew(client);
  }
}

/** @returns the accounts that were deleted; undefined when somebody did not want that */
async function removeAccounts(
  context: CliContext,
  client: KubeClient,
  request: UninstallRequest,
  of: {
    readonly listed: readonly LinkedServiceAccount[];
    readonly ask: (accounts: readonly LinkedServiceAccount[]) => Promise<boolean>;
  },
): Promise<readonly LinkedServiceAccount[] | undefined> {
  const { dryRun } = request;
  // Some may have been created while the question was open.
  const accounts = dryRun ? of.listed : ((await requireRemovable(client, request)) ?? []);
  const isAsked = accounts.every(({ metadata }) =>
    of.listed.some((each) => each.metadata.uid === metadata.uid),
  );
  if (!isAsked && !(await of.ask(accounts))) return undefined;
  for (const { metadata } of accounts) {
    await client.delete(accountKind.resource, { name: metadata.name }, { dryRun });
    if (!dryRun)
      await waitUntilGone(
        context,
        client,
        accountKind,
        { name: metadata.name, uid: metadata.uid },
        request.wait.timeout,
      );
    context.stderr.write(`- account ${metadata.name}\n`);
  }
  // The operator deletes them: none may be left when it is removed.
  if (!dryRun) await requireRemovable(client, { ...request, deleteAccounts: false });
  return accounts;
}

/** @throws CliError of code NOT_DELETED when the time is over, with the accounts that hold their CRD */
async function untilGone(
  context: CliContext,
  client: KubeClient,
  deleted: readonly Deleted[],
  { wait }: UninstallRequest,
  { clusterArn }: DiscoveredCluster,
): Promise<void> {
  try {
    await waitUntilAllGone(context, client, deleted, wait.timeout);
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'NOT_DELETED') throw error;
    const held = (await orMissing(listObjects(client, accountKind))) ?? [];
    if (held.length === 0) throw error;
    throw new CliError(error.code, error.message, {
      details: [...error.details, `Accounts hold their CRD, and no operator deletes them: ${namesOf(held)}.`],
      next: [
        ...held.map(
          ({ metadata: { name } }) =>
            `Give it up: kubectl annotate lsa ${name} ${abandonAnnotation}=true && kubectl patch lsa ${name} --type merge -p '{"metadata":{"finalizers":null}}'`,
        ),
        `Then delete their roles: kon account orphans --delete --cluster-arn ${clusterArn}`,
      ],
      cause: error,
    });
  }
}

const operatorEndMs = 20_000;
const operatorPauseMs = 500;

/** @throws CliError of code NOT_DELETED while something runs an operator. The Lease of one that was removed runs out. */
async function requireNoOperator(client: KubeClient, { monotonic, signal }: CliContext): Promise<void> {
  const until = monotonic() + operatorEndMs;
  for (;;) {
    const running = (await findOperators(client, signal)).filter(
      ({ object }) => !object.startsWith('ServiceAccount '),
    );
    if (running.length === 0) return;
    if (running.some(({ object }) => object.startsWith('Deployment ')) || monotonic() >= until)
      throw new CliError('NOT_DELETED', 'an operator still runs', {
        details: running.map(({ object }) => object),
        next: [...new Set(running.map((each) => removalOf(each)))],
      });
    await sleep(systemTimer, operatorPauseMs, signal);
  }
}

/** Undefined where they may not be listed. */
async function listedRoles(
  roles: RoleStore,
  signal: AbortSignal,
): Promise<readonly ObservedRole[] | undefined> {
  try {
    return (await roles.snapshot(signal)).roles;
  } catch (error) {
    if (error instanceof IdentityError && error.code === 'AccessDenied') return undefined;
    throw error;
  }
}

const namesOf = (objects: readonly { readonly metadata: { readonly name: string } }[]): string =>
  objects.map(({ metadata }) => metadata.name).join(', ');

/**
 * Deletes the operator first, so that it recreates nothing, then the CRDs with the ClusterConfig. The admission policies go
 * last, so that no account is written without them.
 *
 * @returns what was not ours to take away, and what was taken away
 */
async function removeObjects(
  context: CliContext,
  client: KubeClient,
  { namespace, dryRun }: UninstallRequest,
): Promise<{ readonly kept: string[]; readonly deleted: readonly Deleted[] }> {
  const { signal, stderr } = context;
  const kept: string[] = [];
  const deleted: Deleted[] = [];
  const objects = operatorObjects({
    namespace,
    image: '',
    replicas: 1,
    roleArn: undefined,
    region: '',
    deployment: true,
  });
  const policies = admissionPolicyObjects(namespace).toReversed();
  for (const object of [...objects.toReversed(), ...crdObjects(), ...policies]) {
    const { name, namespace: of } = object.metadata;
    const ref = { name, ...(of === undefined ? {} : { namespace: of }) };
    const live = await orMissing(client.get<KubeObject>(resourceOf(object), ref, { signal }));
    if (!live) continue;
    if (live.metadata.labels?.[managedByLabel] !== installer) {
      kept.push(`${describeObject(object)}, which kon install did not make`);
      continue;
    }
    const isCrd = object.kind === 'CustomResourceDefinition';
    if (isCrd) await allowDeletion(client, name, { signal, dryRun });
    try {
      // The consent of a dry run is not stored, so that the deletion would be refused.
      if (!(isCrd && dryRun)) await client.delete(resourceOf(object), ref, { signal, dryRun });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    const label = describeObject(object);
    stderr.write(`- ${label}\n`);
    deleted.push({ resource: resourceOf(object), object: live, label });
  }
  return { kept, deleted };
}

/** Consents to the deletion of a CRD, which admission refuses otherwise. */
async function allowDeletion(
  client: KubeClient,
  name: string,
  options: { readonly signal: AbortSignal; readonly dryRun: boolean },
): Promise<void> {
  await client.patch(
    resources.customResourceDefinitions,
    { name },
    { metadata: { annotations: { [allowDeletionAnnotation]: 'true' } } },
    { type: 'merge', fieldManager, ...options },
  );
}

async function removeAssociation(
  { signal, stderr }: CliContext,
  cluster: DiscoveredCluster,
  { namespace, dryRun }: UninstallRequest,
  { podIdentity }: Aws,
): Promise<readonly string[]> {
  const { associations } = podIdentity(cluster.name);
  const found = await associations.read({ namespace, serviceAccount: operatorName }, signal);
  if (!found) return [];
  const object = `Pod Identity association ${namespace}/${operatorName}`;
  if (tagValue(found.details?.tags ?? {}, installedTag) !== cluster.clusterArn)
    return [`${object}, which kon install did not make`];
  if (!dryRun) await associations.delete(found.id, signal);
  stderr.write(`- ${object}\n`);
  return [];
}

async function removeFromIam(
  context: CliContext,
  cluster: DiscoveredCluster,
  { namespace, dryRun }: UninstallRequest,
  roles: RoleStore,
  installation: InstallationStore,
  /** Names of roles that go, or have gone, with their accounts. */
  leaving: readonly string[],
): Promise<readonly string[]> {
  const { signal, stderr } = context;
  const kept: string[] = [];
  const { name } = operatorRole(cluster, { namespace, serviceAccount: operatorName });
  const gone = [...leaving];
  const role = await roles.read(name, signal);
  if (role && tagValue(role.tags, installedTag) === cluster.clusterArn) {
    if (!dryRun && role.inlinePolicyNames.includes(operatorPolicyName))
      await roles.deleteInlinePolicy(name, operatorPolicyName, signal);
    if (!dryRun) await roles.delete(name, signal);
    gone.push(name);
    stderr.write(`- IAM role ${name}\n`);
  } else if (role) kept.push(`IAM role ${name}, which kon install did not make`);
  const arn = oidcProviderArn(cluster);
  const provider = await installation.provider(arn, signal);
  if (!provider) return kept;
  if (tagValue(provider.tags, installedTag) !== cluster.clusterArn)
    return [...kept, `IAM OIDC provider ${arn}, which kon install did not make`];
  const needed = await whoNeedsProvider(arn, roles, { leaving: gone, dryRun }, signal);
  if (needed !== undefined) return [...kept, `IAM OIDC provider ${arn}, ${needed}`];
  if (!dryRun) await installation.deleteProvider(arn, signal);
  stderr.write(`- IAM OIDC provider ${arn}\n`);
  return kept;
}

/** Names of roles that are shown; the rest is counted. */
const rolesShown = 10;

/**
 * Finds the roles whose pods would lose AWS with the provider: of controllers, of other tools, of accounts that retain theirs.
 *
 * @param leaving names of roles that go with this uninstallation. A listing may show them for a while after their deletion.
 * @returns a reason to keep the provider
 */
async function whoNeedsProvider(
  arn: string,
  roles: RoleStore,
  { leaving, dryRun }: { readonly leaving: readonly string[]; readonly dryRun: boolean },
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = await listedRoles(roles, signal);
  if (!found) return 'as you may not list the roles that trust it (iam:GetAccountAuthorizationDetails)';
  const names: string[] = [];
  for (const { name, trustPolicy } of found) {
    if (!trustsProvider(trustPolicy, arn)) continue;
    if (leaving.includes(name) && (dryRun || !(await roles.read(name, signal)))) continue;
    names.push(name);
  }
  names.sort();
  if (names.length === 0) return undefined;
  const more = names.length > rolesShown ? ` and ${names.length - rolesShown} more` : '';
  const what = names.length === 1 ? 'the role' : `${names.length} roles`;
  return `which ${what} ${names.slice(0, rolesShown).join(', ')}${more} ${names.length === 1 ? 'trusts' : 'trust'}: aws iam delete-open-id-connect-provider --open-id-connect-provider-arn ${arn} deletes it once none does`;
}
