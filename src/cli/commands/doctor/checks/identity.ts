/** Checks whether pods get the identities of their accounts. */
import { hasAgent, nodesWithoutAgent, readAgents } from '../../../cluster/agents.ts';
import { addAgentCommand } from '../../../installation/operator-identity.ts';
import { probeIdentity } from '../../../installation/probe-identity.ts';
import { roleArnAnnotation } from '../../../../api/labels.ts';
import { drainingTargets, leftoverRoles, type DrainingTarget } from '../../../../identity/index.ts';
import { formatAge } from '../../../framework/duration.ts';
import { isForbidden, resources, type KubeObject } from '../../../../kube/index.ts';
import { agentName, agentNamespace } from '../../../../workloads/index.ts';
import { readyOf } from '../../../cluster/kinds.ts';
import { awaitsPod } from '../../../framework/wait/progress.ts';
import { failure, ok, warning, type Checks, type Verdict } from '../check.ts';
import type { Lookups } from '../lookups.ts';

type WebhookConfiguration = KubeObject & {
  readonly webhooks?: readonly {
    readonly name: string;
    readonly rules?: readonly {
      readonly operations?: readonly string[];
      readonly resources?: readonly string[];
    }[];
  }[];
};

export const identityChecks = {
  webhook: async ({ client, signal }) => {
    const { items } = await (
      await client()
    ).list<WebhookConfiguration>(resources.mutatingWebhookConfigurations, { signal });
    const found = items.filter(
      ({ metadata, webhooks = [] }) =>
        [metadata.name, ...webhooks.map(({ name }) => name)].some((name) =>
          /pod-identity-webhook/.test(name),
        ) &&
        webhooks.some(({ rules = [] }) =>
          rules.some(
            ({ operations = [], resources: of = [] }) =>
              of.includes('pods') && operations.some((each) => each === 'CREATE' || each === '*'),
          ),
        ),
    );
    return found.length > 0
      ? ok(found.map(({ metadata }) => metadata.name).join(', '))
      : failure('no MutatingWebhookConfiguration of amazon-eks-pod-identity-webhook', [
          'EKS has the webhook in every cluster. Elsewhere, install it: https://github.com/aws/amazon-eks-pod-identity-webhook',
        ]);
  },
  'webhook-injects': checkInjection,
  'pod-identity-agent': checkAgent,
  accounts: async ({ accounts }) => {
    const all = await accounts();
    const waiting = all.filter((account) => awaitsPod(readyOf(account) ?? {}));
    const lacking = all.filter(
      (account) => readyOf(account)?.status !== 'True' && !waiting.includes(account),
    );
    if (lacking.length === 0)
      return ok(
        `${all.length - waiting.length} of ${all.length}${waiting.length > 0 ? `; proven by their first pod: ${waiting.map(({ metadata }) => metadata.name).join(', ')}` : ''}`,
      );
    return failure(
      `${lacking.length} of ${all.length} accounts are not Ready`,
      lacking.map((account) => {
        const ready = readyOf(account);
        return `${account.metadata.name}: ${ready ? `${ready.message} (${ready.reason})` : 'no operator has processed the account'}`;
      }),
    );
  },
  draining: async ({ accounts, serverNow }) =>
    drainingVerdict(drainingTargets(await accounts()), await serverNow()),
  pods: async ({ accounts }) => {
    const rows = (await accounts()).flatMap(({ metadata, status }) =>
      (status?.targets ?? []).flatMap(({ name, pods }) => {
        const parts = [
          ...(pods?.stale ? [`pods with an older identity: ${pods.stale}`] : []),
          ...(pods?.uninjected ? [`pods without an identity: ${pods.uninjected}`] : []),
        ];
        return parts.length > 0 ? [`${name}/${metadata.name}: ${parts.join(', ')}`] : [];
      }),
    );
    return rows.length === 0
      ? ok()
      : warning('some pods do not', [
          ...rows,
          'The operator replaces pods of apps; restart other workloads yourself.',
        ]);
  },
  orphans: async ({ state, roles, accounts }) => {
    const cluster = await state();
    if (!cluster.ok) return warning(cluster.message);
    const { roles: found } = await roles();
    const names = new Set((await accounts()).map(({ metadata }) => metadata.name));
    const leftovers = leftoverRoles(found, cluster.facts, names);
    if (leftovers.length === 0) return ok();
    const isRetained = leftovers.some(({ kind }) => kind === 'retained');
    const isOrphaned = leftovers.some(({ kind }) => kind === 'orphan');
    return warning(`${leftovers.length} ${leftovers.length === 1 ? 'role has' : 'roles have'} no account`, [
      ...leftovers.map(
        ({ kind, name, account, letsIn, attachedPolicyArns }) =>
          `${name}, ${kind === 'retained' ? 'retained by' : 'of'} the account ${account}: ${attachedPolicyArns.length === 1 ? '1 policy' : `${attachedPolicyArns.length} policies`}, trusts ${letsIn.join(', ') || 'no principal'}`,
      ),
      ...(isOrphaned ? ['Delete orphans: kon account orphans --delete'] : []),
      ...(isRetained
        ? [
            'Adopt a retained role with kon account import, or delete it: kon account orphans --delete --retained',
          ]
        : []),
    ]);
  },
} satisfies Checks;

const dayMs = 86_400_000;

export function drainingVerdict(draining: readonly DrainingTarget[], now: number): Verdict {
  const row = ({ account, target, since }: DrainingTarget): string =>
    `${target}/${account}: pods still hold the identity of the account; the target was removed at most ${formatAge(now - since)} ago`;
  const old = draining.filter(({ since }) => now - since > dayMs);
  if (old.length === 0) return ok(draining.map(row).join('; ') || undefined);
  return warning(`${old.length} ${old.length === 1 ? 'target waits' : 'targets wait'} longer`, [
    ...old.map(row),
    'These pods keep their permissions until they end. To list the pods that you have to end: kon account show NAME',
  ]);
}

/** Checks all nodes for the Pod Identity agent. The accounts' statuses cover only the nodes of running pods. */
async function checkAgent(lookups: Lookups): Promise<Verdict> {
  const { client, accounts, config, operatorAccounts, signal } = lookups;
  const users = (await accounts()).filter(({ status }) =>
    status?.targets?.some(({ identityMode }) => identityMode === 'PodIdentity'),
  );
  const aws = (await config())?.spec.aws;
  const names = users.map(({ metadata }) => metadata.name);
  if (aws?.identityMode === 'PodIdentity') {
    const byAssociation = (await operatorAccounts()).some(({ roleArn }) => roleArn === undefined);
    if (byAssociation) names.unshift('the operator');
  }
  if (names.length === 0) return ok('not needed: no account uses Pod Identity');
  const agents = await readAgents(await client(), signal);
  const details = [
    `Pods of ${names.join(', ')} get their credentials from the agent.`,
    `EKS Auto Mode has a built-in Pod Identity agent. On other nodes, install the agent: ${addAgentCommand(aws?.clusterName ?? 'NAME')}`,
  ];
  const without = nodesWithoutAgent(agents);
  if (without !== undefined)
    return (hasAgent(agents, { autoMode: false }) ? warning : failure)(
      `no Pod Identity agent is ready on ${without}`,
      details,
    );
  if (agents.nodes.length === 0 && agents.daemonSets.length === 0)
    return warning(`DaemonSet ${agentName} does not exist`, details);
  const { length: count } = agents.nodes;
  const on = count === 0 ? [] : [`${count} ${count === 1 ? 'node' : 'nodes'}`];
  return ok([...agents.daemonSets.map((name) => `${agentNamespace}/${name}`), ...on].join(', '));
}

/** Checks the identity of a new pod of the first linked account. */
async function checkInjection({ client, accounts, signal }: Lookups): Promise<Verdict> {
  const kube = await client();
  for (const { metadata, status } of await accounts()) {
    for (const target of status?.targets ?? []) {
      if (!target.linked) continue;
      const ref = { namespace: target.name, name: metadata.name };
      const serviceAccount = await kube.get(resources.serviceAccounts, ref, { signal });
      const mode = target.identityMode ?? 'IRSA';
      const roleArn =
        mode === 'PodIdentity' ? target.roleArn : serviceAccount.metadata.annotations?.[roleArnAnnotation];
      if (roleArn === undefined) continue;
      const whose = `${target.name}/${metadata.name}`;
      try {
        const state = await probeIdentity(kube, ref, { roleArn, mode }, signal);
        return state === 'current'
          ? ok(`as ${whose}`)
          : failure(
              `a pod of ${whose} would be ${state === 'stale' ? 'given another identity' : 'without identity'}`,
              ['Check that the webhook’s pods run and that the API server can reach the webhook.'],
            );
      } catch (error) {
        if (isForbidden(error))
          return warning(`you are not permitted to create pods in ${target.name}: ${error.message}`);
        throw error;
      }
    }
  }
  return ok('not checked, because no account is linked yet');
}
