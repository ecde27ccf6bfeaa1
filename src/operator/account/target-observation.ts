/**
 * Derives the observed state of one target from Kubernetes objects. The operator takes the objects from its stores, and
 * the command line reads them from the API server.
 */
import {
  accountLabel,
  appLabel,
  audienceAnnotation,
  createdAnnotation,
  podIdentityAudience,
  roleArnAnnotation,
  stsAudience,
  type LinkedServiceAccount,
  type Quarantine,
} from '../../api/index.ts';
import {
  accountLabelValue,
  type AccountUser,
  type CachedAssociation,
  type HeldIdentities,
  type ObservedAssociation,
  type ObservedQuarantine,
  type ObservedServiceAccount,
  type RoleHolder,
  type TargetObservation,
} from '../../identity/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import {
  agentFor,
  countPods,
  identitiesHeld,
  isOnFargate,
  isReady,
  isRunning,
  isTerminating,
  serviceAccountOf,
  type AgentLookup,
  type Pod,
  type WantedIdentity,
} from '../../workloads/index.ts';
import { defined } from '../../k8s/defined.ts';
import type { Wall } from '../../k8s/time.ts';
import { isBeingDeleted, roleArnManagerOf, type Namespace } from '../context.ts';

/** Names of the targets of an account, and of former targets that may still have objects or pods of the account. */
export function targetNames(of: {
  readonly account: LinkedServiceAccount;
  readonly clusterTargets: readonly string[];
  /** Namespaces where the account is linked. */
  readonly linked: readonly string[];
  /** Namespaces where the account has a Pod Identity association. */
  readonly associated: Iterable<string>;
}): ReadonlySet<string> {
  const { spec, status } = of.account;
  // Targets that the status reports as linked are included, because a draining target may have lost its ServiceAccount.
  const reported = status?.targets?.flatMap((row) => (row.linked ? [row.name] : [])) ?? [];
  return new Set([
    ...of.clusterTargets,
    ...(spec.targets ?? []),
    ...of.linked,
    ...reported,
    ...of.associated,
  ]);
}

export function targetObservation(of: {
  readonly target: string;
  readonly account: string;
  readonly namespace: Namespace | undefined;
  /**
   * ServiceAccount with the name of the account. Its `metadata.managedFields` must include the entries for its
   * annotations.
   */
  readonly serviceAccount: KubeObject | undefined;
  /** Pods that run as the `serviceAccount` of this target. */
  readonly pods: readonly Pod[];
  readonly association?: CachedAssociation | undefined;
  /** Whether the pod is replaced when the identity of its account changes. */
  readonly isReplaced: (pod: Pod) => boolean;
  readonly agents: AgentLookup;
}): TargetObservation {
  const { namespace, account } = of;
  const serviceAccount = of.serviceAccount ? observeServiceAccount(of.serviceAccount) : undefined;
  const pods = of.pods.filter(isRunning);
  // A ServiceAccount without the account's label does not belong to this account, and neither do its pods.
  const ours = serviceAccount?.account === accountLabelValue(account);
  const wanted = ours ? identityOf(serviceAccount, of.association?.association ?? undefined) : undefined;
  return {
    name: of.target,
    namespace: !namespace ? 'missing' : isBeingDeleted(namespace) ? 'terminating' : 'present',
    ...(serviceAccount ? { serviceAccount } : {}),
    users: ours ? pods.map(describeUser) : [],
    pods: wanted ? countPods(pods, wanted) : { current: 0, stale: 0, uninjected: 0 },
    // Pods are also counted without a ServiceAccount, since they may outlive it, for example in a namespace under
    // deletion.
    held: ours || !serviceAccount ? heldBy(pods, of) : { roleArns: [], podIdentity: 0 },
  };
}

/**
 * Returns the running pods as holders of a role.
 * @param pods pods that get the role by web identity
 */
export function roleHolders(pods: readonly Pod[]): readonly RoleHolder[] {
  return pods.filter(isRunning).map((pod) => ({
    namespace: pod.metadata.namespace ?? '',
    pod: pod.metadata.name,
    serviceAccount: serviceAccountOf(pod),
  }));
}

/** Converts Quarantines to the planner's input. */
export function quarantinesOf(objects: readonly Quarantine[]): readonly ObservedQuarantine[] {
  return objects.map(({ metadata, spec: { requestedBy, reason, pods } }) => ({
    name: metadata.name,
    since: metadata.creationTimestamp ?? '',
    ...defined({ requestedBy, reason, pods }),
  }));
}

/** Identity that new pods get. An association takes precedence over the annotation. */
function identityOf(
  serviceAccount: ObservedServiceAccount | undefined,
  association: ObservedAssociation | undefined,
): WantedIdentity | undefined {
  if (association) return { roleArn: association.details?.roleArn ?? '', audience: podIdentityAudience };
  const { roleArn, audience = stsAudience } = serviceAccount ?? {};
  return roleArn === undefined ? undefined : { roleArn, audience };
}

/** @param pods pods that run as the same ServiceAccount */
export function heldBy(
  pods: readonly Pod[],
  { isReplaced, agents }: { readonly isReplaced: (pod: Pod) => boolean; readonly agents: AgentLookup },
): HeldIdentities {
  const held = pods.map((pod) => ({ pod, identities: identitiesHeld(pod) }));
  const roleArns = held.flatMap(({ identities }) =>
    identities.flatMap((identity) => (identity.kind === 'role' ? identity.roleArn : [])),
  );
  const byAgent = held
    .filter(({ identities }) => identities.some(({ kind }) => kind === 'podIdentity'))
    .map(({ pod }) => pod);
  const present = byAgent
    .filter((pod) => !isTerminating(pod))
    .map((pod) => ({ pod, agent: agentFor(pod, agents) }));
  // The oldest pod becomes the `exchangePod`, so that new pods do not change the choice.
  const [oldest] = present
    .filter(({ pod, agent }) => agent.state === 'serves' && pod.status?.phase === 'Running')
    .map(({ pod }) => pod)
    .toSorted((a, b) => ageOf(a).localeCompare(ageOf(b)));
  const unread = present.flatMap(({ agent }) => (agent.state === 'unread' ? agent.node : []));
  return {
    roleArns: [...new Set(roleArns)].sort(),
    podIdentity: byAgent.length,
    // Pods on Fargate are not counted, since Fargate never has an agent. Other pods count even without an agent on
    // their node, because the agent may return.
    readyByPodIdentity: present.filter(({ pod }) => isReady(pod) && !isOnFargate(pod)).length,
    withoutAgent: present.flatMap(({ pod, agent }) => {
      if (agent.state !== 'missing') return [];
      const { state: _, ...where } = agent;
      return { ...describeUser(pod), ...where };
    }),
    unreadNodes: [...new Set(unread)].sort(),
    notReplaced: byAgent.filter((pod) => !isTerminating(pod) && !isReplaced(pod)).map(describeUser),
    replacedByRole: held.filter(
      ({ pod, identities }) => identities.some(({ kind }) => kind === 'role') && isReplaced(pod),
    ).length,
    byPod: held
      .filter(({ identities }) => identities.length > 0)
      .map(({ pod, identities }) => ({
        ...describeUser(pod),
        createdAt: createdAt(pod),
        uid: pod.metadata.uid ?? '',
        hasWebIdentity: identities.some(({ kind }) => kind === 'role'),
      })),
    ...(oldest ? { exchangePod: { name: oldest.metadata.name, uid: oldest.metadata.uid ?? '' } } : {}),
  };
}

function ageOf({ metadata }: Pod): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
}

/** Creation time of a pod. A pod without a valid creation time counts as older than any other pod. */
function createdAt({ metadata }: Pod): Wall {
  const created = Date.parse(metadata.creationTimestamp ?? '');
  return (Number.isNaN(created) ? 0 : created) as Wall;
}

function observeServiceAccount(object: KubeObject): ObservedServiceAccount {
  const { uid = '', resourceVersion = '', labels = {}, annotations = {} } = object.metadata;
  return {
    uid,
    resourceVersion,
    created: annotations[createdAnnotation] !== undefined,
    ...defined({
      account: labels[accountLabel],
      roleArn: annotations[roleArnAnnotation],
      roleArnManager: roleArnManagerOf(object),
      audience: annotations[audienceAnnotation],
    }),
  };
}

function describeUser(pod: Pod): AccountUser {
  const app = pod.metadata.labels?.[appLabel];
  if (app !== undefined) return { pod: pod.metadata.name, workload: `app ${app}`, app };
  const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller);
  return { pod: pod.metadata.name, ...(owner ? { workload: `${owner.kind}/${owner.name}` } : {}) };
}
