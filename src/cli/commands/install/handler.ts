/**
 * `kon install`: discovers the cluster, prints the planned steps, asks for consent, and performs the steps. Stops at the first
 * refused step.
 */
import type { ClusterConfig } from '../../../api/cluster-config.ts';
import type { IdentityMode } from '../../../api/linked-service-account.ts';
import { effectiveConfig, unboundedOperator } from '../../../identity/index.ts';
import { resources, sleep, systemTimer, type KubeClient, type KubeObject } from '../../../kube/index.ts';
import { hasAgent, nodesWithoutAgent, readAgents } from '../../cluster/agents.ts';
import { unlessDenied } from '../../framework/denied.ts';
import { listObjects, orMissing } from '../../cluster/objects.ts';
import { confirm, requireConfirmation } from '../../framework/confirm.ts';
import { describeCollision, nameCollisions, type NamedCrd } from '../../cluster/name-collisions.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError, usageError } from '../../framework/errors.ts';
import { accountKind, clusterConfigKind } from '../../cluster/kinds.ts';
import { paint } from '../../framework/output/color.ts';
import { waitUntilReady } from '../../framework/wait/ready.ts';
import type { WaitInput } from '../../objects/finish.ts';
import { requireAsConfigured } from '../../installation/config-conflicts.ts';
import { addAgentCommand, chooseIdentityMode, formerMode } from '../../installation/operator-identity.ts';
import {
  cluesOf,
  requireConfigOf,
  withCluster,
  type ClusterChoice,
  type DiscoveredCluster,
} from '../../installation/discover.ts';
import {
  asJson,
  describeInstallation,
  renderManifests,
  type Installation,
  type InstallationChoice,
} from './installation.ts';
import { findDowngrade, lossOf, refuseDowngrade } from '../../installation/downgrade.ts';
import { checkFence, tagKeysWarning } from '../../installation/fence.ts';
import { findOperators, refuseOthers, type FoundOperator } from '../../installation/other-installations.ts';
import { operatorRoleName } from '../../installation/operator-role.ts';
import { roleStep, type Step } from '../../installation/steps.ts';
import { performAll, stepGroups, type Found } from './perform.ts';

export type InstallRequest = ClusterChoice &
  InstallationChoice & {
    /** Requested mode. By default, an existing installation keeps its mode, and a new installation uses IRSA. */
    readonly identityMode: IdentityMode | undefined;
    /** Consent to an operator that is limited neither by a boundary nor by a list of allowed policies. */
    readonly unbounded: boolean;
    readonly dryRun: boolean;
    readonly yes: boolean;
    readonly wait: WaitInput;
  };

export async function installFlow(context: CliContext, request: InstallRequest): Promise<void> {
  const { stderr, signal } = context;
  if (request.selfManaged && request.identityMode === 'PodIdentity')
    throw usageError('Pod Identity is available only on EKS', 'Omit --self-managed or --identity-mode.');
  // A dry run continues without the results of denied reads.
  const seen = <T>(read: Promise<T>): Promise<T | undefined> => (request.dryRun ? unlessDenied(read) : read);
  const client = await context.connect();
  const clues = await cluesOf(context, client, request.region);
  await withCluster(context, request, clues, async (found) => {
    const { aws, caller, cluster } = found;
    const downgrade = await findDowngrade(client, signal);
    if (downgrade && !request.downgrade) refuseDowngrade(downgrade);
    if (downgrade)
      stderr.write(
        `${['‼ this installation replaces a newer version with an older version', ...lossOf(downgrade)].join('\n  ')}\n\n`,
      );
    const existing = await readConfig(client);
    requireConfigOf(existing, cluster);
    const { namespace } = request;
    if (existing) requireAsConfigured(existing, request);
    requireOneInstallation((await seen(findOperators(client, signal))) ?? [], request);
    const asked = request.identityMode;
    const mode = await chooseIdentityMode(client, existing, { asked, namespace, signal });
    const name = operatorRoleName(cluster);
    const live = await seen(aws.roles.read(name, signal, { attachedPolicyArns: [], inlinePolicyNames: [] }));
    const former = await seen(formerMode(client, { namespace, mode, signal }));
    const installation = describeInstallation(cluster, existing, mode, request, live, former);
    const { policyOptions } = installation;
    for (const warning of [
      checkFence(policyOptions, request.unbounded),
      existing && tagKeysWarning((await orMissing(listObjects(client, accountKind))) ?? [], policyOptions),
    ])
      if (warning !== undefined) stderr.write(warning);
    if (request.unbounded && !unboundedOperator(policyOptions))
      stderr.write(
        '--unbounded has no effect, because a permissions boundary or a list of policies limits the operator\n',
      );
    if (request.dryRun) {
      context.stdout.write(context.format === 'json' ? asJson(installation) : renderManifests(installation));
      return;
    }
    const what = `installing on the cluster ${cluster.name}`;
    requireConfirmation(context, { yes: request.yes, what });
    if (mode === 'PodIdentity') await requireAgent(context, client, cluster, request);
    const groups = stepGroups(client, installation, found, context);
    stderr.write(
      `${cluster.eks ? 'EKS cluster' : 'Cluster'} ${cluster.name} in ${cluster.region}, AWS account ${cluster.accountId}\n` +
        `Issuer ${cluster.issuer}\nYou are ${caller.arn}\n\n`,
    );
    const planned: Step[] = [];
    for (const group of groups) planned.push(...(await group()));
    const { items } = await client.list<NamedCrd>(resources.customResourceDefinitions, { signal });
    for (const collision of nameCollisions(items)) stderr.write(`‼ ${describeCollision(collision)}\n`);
    const open = planned.filter(({ state }) => state !== 'present');
    for (const step of planned) stderr.write(`${planLine(step, stderr.color)}\n`);
    if (open.length > 0) {
      const question = `\n${open.length} of these ${planned.length} objects will be created or changed. Continue?`;
      await confirm(context, { yes: request.yes, what, question, declined: 'Nothing was changed.' });
      // Checks the options again, because another installation may have run while the prompt was open.
      const meanwhile = existing ? undefined : await readConfig(client);
      if (meanwhile) requireAsConfigured(meanwhile, request);
      await performAll(context, client, installation, groups);
      await renewRole(context, client, installation, request, found);
    }
    context.stdout.write(`konstellation ${open.length > 0 ? 'installed' : 'unchanged'}\n`);
    await finish(context, client, installation, request);
  });
}

/** @throws CliError of code CONFLICT if another namespace has an installation, or an operator runs despite `--without-operator` */
function requireOneInstallation(
  operators: readonly FoundOperator[],
  { namespace, withoutOperator, dryRun }: InstallRequest,
): void {
  refuseOthers(operators, namespace, 'install');
  const deployment = operators.find(({ object }) => object.startsWith('Deployment '));
  if (!withoutOperator || dryRun || !deployment) return;
  throw new CliError('CONFLICT', `the ${deployment.object} runs an operator`, {
    details: ['--without-operator neither creates nor removes an operator.'],
    next: [
      'Omit --without-operator.',
      `Or first delete the Deployment: kubectl delete deployment --namespace ${namespace} ${deployment.object.slice(deployment.object.indexOf('/') + 1)}`,
    ],
  });
}

/** Returns the ClusterConfig that the operator uses; undefined if none exists yet. */
async function readConfig(client: KubeClient): Promise<ClusterConfig | undefined> {
  return effectiveConfig((await orMissing(listObjects(client, clusterConfigKind))) ?? []);
}

/**
 * Renders and writes the operator's policy again from the effective ClusterConfig. If two installations run at the same
 * time, one may create the ClusterConfig and the other may write the policy last. The policy would then not match the
 * ClusterConfig.
 *
 * @throws CliError of code CONFLICT if the ClusterConfig differs from the requested options
 */
async function renewRole(
  context: CliContext,
  client: KubeClient,
  { cluster, mode, role, namespace }: Installation,
  request: InstallRequest,
  { aws, installation }: Found,
): Promise<void> {
  const config = await readConfig(client);
  if (!config) return;
  const { stderr, signal } = context;
  const former = await untilReplaced(context, client, { namespace, mode }, request);
  if (former !== undefined)
    stderr.write(
      `‼ pods of the operator still use ${former}, so the role trusts both modes; run kon install again after these pods are replaced\n`,
    );
  const live = await aws.roles.read(role.name, signal);
  const { role: spec, policy } = describeInstallation(cluster, config, mode, request, live, former);
  const step = await roleStep(
    { spec, policy: JSON.stringify(policy), clusterArn: cluster.clusterArn },
    { roles: aws.roles, installation },
    signal,
  );
  if (step.state !== 'present') {
    await step.perform(() => undefined);
    stderr.write(`~ ${step.object}: updated to match ClusterConfig ${config.metadata.name}\n`);
  }
  requireAsConfigured(config, request);
}

const replacedPauseMs = 1000;

/**
 * Waits while operator pods still use the former identity mode. @returns the former mode if pods still use it after the
 * timeout
 */
async function untilReplaced(
  { monotonic, signal }: CliContext,
  client: KubeClient,
  of: { readonly namespace: string; readonly mode: IdentityMode },
  { wait, withoutOperator }: InstallRequest,
): Promise<IdentityMode | undefined> {
  const until = monotonic() + (wait.noWait || withoutOperator ? 0 : wait.timeout);
  for (;;) {
    const former = await formerMode(client, { ...of, signal });
    if (former === undefined || monotonic() >= until) return former;
    await sleep(systemTimer, replacedPauseMs, signal);
  }
}

/**
 * Refuses to start the operator if no Pod Identity agent can give credentials to its pods. @throws CliError of code
 * CLUSTER_NOT_READY
 */
async function requireAgent(
  context: CliContext,
  client: KubeClient,
  cluster: DiscoveredCluster,
  { withoutOperator }: InstallRequest,
): Promise<void> {
  const agents = await readAgents(client, context.signal);
  const advice = `Add the agent: ${addAgentCommand(cluster.name)}`;
  if (hasAgent(agents, cluster)) {
    const without = nodesWithoutAgent(agents);
    if (without !== undefined)
      context.stderr.write(
        `‼ the Pod Identity agent is missing on ${without}; pods on these nodes get no credentials\n  ${advice}\n\n`,
      );
    return;
  }
  const what = 'no node has the Pod Identity agent that serves credentials to pods';
  if (!withoutOperator) throw new CliError('CLUSTER_NOT_READY', what, { next: [advice] });
  context.stderr.write(`‼ ${what}\n  ${advice}\n\n`);
}

async function finish(
  context: CliContext,
  client: KubeClient,
  { config, cluster, role }: Installation,
  request: InstallRequest,
): Promise<void> {
  const { stderr } = context;
  if (request.withoutOperator)
    stderr.write(
      `\nRun the operator with the permissions of ${role.name}: kon operator --lease-namespace ${request.namespace}\n`,
    );
  else if (!request.wait.noWait) {
    const written = await client.get<ClusterConfig & KubeObject>(clusterConfigKind.resource, {
      name: config.metadata.name,
    });
    await waitUntilReady(context, client, clusterConfigKind, written, { timeoutMs: request.wait.timeout });
  }
  stderr.write(
    `\nCheck the installation: kon doctor\nCreate the first account on ${cluster.name}: kon account create NAME\n`,
  );
}

const planMarks = {
  missing: ['+', 'green'],
  differs: ['~', 'yellow'],
  present: ['√', 'dim'],
} as const;

function planLine({ object, state }: Step, color: boolean): string {
  const [mark, style] = planMarks[state];
  return `  ${paint(style, mark, color)} ${object}`;
}
