/**
 * Classifies status reasons for commands that wait: whether a problem resolves automatically, and the next steps if
 * not.
 */
import { protectedMark } from '../../../api/labels.ts';
import { identityErrors, type IdentityErrorCode } from '../../../identity/state/errors.ts';
import { identityReasons, type IdentityReason } from '../../../identity/state/reasons.ts';
import { requiresUserAction as isUserAction } from '../../../k8s/reasons.ts';
import { gateReasons, slotReasons, targetReasons } from '../../../workloads/reasons.ts';
import { accountKind, type Kind, type KonObject } from '../../cluster/kinds.ts';

type AppReason = keyof typeof gateReasons | keyof typeof targetReasons | keyof typeof slotReasons;

/** Kubernetes reasons with advice in this file. */
export const podReasons = {
  CrashLoopBackOff:
    'A container of the pod ends again and again. Kubernetes waits longer before each restart.',
  ErrImagePull: 'The image cannot be pulled.',
  ImagePullBackOff: 'The image cannot be pulled. Kubernetes waits longer before each attempt.',
  Unschedulable: 'No node that the pod may run on has enough free capacity.',
} as const;

/** Reasons that `kon` itself reports before the operator has reported a reason. */
export const pendingReasons = {
  NotObserved: 'No operator has processed the object since its last change.',
} as const;

const registries = [identityReasons, gateReasons, slotReasons, targetReasons];

const errorOf = (reason: string): { readonly retry: string; readonly next: string } | undefined =>
  reason in identityErrors ? identityErrors[reason as IdentityErrorCode] : undefined;

/** Whether a problem with this reason remains until a user changes something. */
export function requiresUserAction(reason: string): boolean {
  return isUserAction(reason, registries) || errorOf(reason)?.retry === 'terminal';
}

/** Object that the advice is about and, if the object is an app, its account. */
export type Subject = { readonly kind: Kind; readonly name: string; readonly account?: string };

export function subjectOf(kind: Kind, object: KonObject): Subject {
  const { name } = object.metadata;
  const account = 'serviceAccount' in object.spec ? object.spec.serviceAccount : undefined;
  return { kind, name, ...(account === undefined ? {} : { account }) };
}

/** Returns the next steps for a reason, best first; the last step always shows the object. */
export function nextStepsFor(reason: string, subject: Subject): readonly string[] {
  const look = `Show the ${subject.kind.noun}: ${subject.kind.advice.show(subject.name)}`;
  const own = advice[reason as AdvisedReason];
  const step = own ? own(subject) : errorOf(reason)?.next;
  return step === undefined ? [look] : [step, look];
}

type AdvisedReason =
  | IdentityReason
  | AppReason
  | keyof typeof podReasons
  | IdentityErrorCode
  | keyof typeof pendingReasons;

const edit = ({ kind, name }: Subject): string => kind.advice.edit(name);
const otherPolicies = (subject: Subject): string => `Correct the policies: ${edit(subject)}`;
const otherTargets = (subject: Subject): string => `List targets: kon target list; then: ${edit(subject)}`;
const otherImage = (subject: Subject): string =>
  `Correct the image, or give the pods a secret to pull it with (imagePullSecrets): ${edit(subject)}`;
const namespace = (): string => 'Check whether the operator has created the namespace: kon target list';
const accounts = (): string =>
  'Wait until the account is Ready (kon account list); the app then continues automatically';

/** Advice by reason. AWS errors without an entry here have their advice in `identityErrors`. */
const advice: { readonly [Reason in AdvisedReason]?: (subject: Subject) => string } = {
  NotObserved: () => 'Check that an operator runs on this cluster; to start one: kon operator',
  PolicyNotFound: otherPolicies,
  WrongPartition: otherPolicies,
  TooManyPolicies: otherPolicies,
  PolicyNotAllowed: (subject) => `Choose policies that the ClusterConfig allows: ${edit(subject)}`,
  RoleNotOwned: () => 'If the role that the message names is unused, delete the role.',
  AdoptionBlocked: ({ name }) =>
    `Hand over the ServiceAccounts of the named pods to account ${name}, or end these pods; the account then adopts the role automatically`,
  AdoptionRefused: () =>
    'Consent as the message says: aws iam tag-role --role-name ROLE --tags Key=k11n.dev/cluster,Value=CLUSTER_ARN; the account then adopts the role automatically',
  ServiceAccountNotOwned: () =>
    'Delete the ServiceAccount that the message names, or hand it over to the account by adding the label that the message names.',
  ForeignAssociation: () =>
    'With the association that the message names, pods get a role other than the account’s. Delete the association if nothing else needs it.',
  AwaitingReplacement: () =>
    'Set the label k11n.dev/restart-on-identity-change=true on the workload that the message names, or end the pods of this workload; the switch then continues automatically',
  AgentMissing: () =>
    'Add or repair the Pod Identity agent on the node that the message names, run the pod on other nodes, or set identityMode: IRSA for the account.',
  AwaitingFirstPod: ({ name }) =>
    `To prove the account, start a pod that uses it, for example: kon app create NAME --account ${name}`,
  StillInUse: () =>
    'End the pods that the message names, for example by running the app only in its other targets: kon app edit NAME --target OTHER; the removed target is then unlinked automatically',
  TargetUnknown: otherTargets,
  TargetReserved: () => 'Remove the target from the ClusterConfig: kon target delete NAME',
  AccountNameReserved: () =>
    'Copy the account under another name (kon account copy), then delete this account',
  NoTargets: () => 'Create a target: kon target create NAME',
  NamespaceMissing: namespace,
  NamespaceTerminating: namespace,
  ClusterConfigMissing: () => 'Configure the cluster: kon apply -f FILE; FILE contains a ClusterConfig',
  SpecNewerThanOperator: () =>
    'Upgrade the operator to the version of the CRDs: get kon of that version, and run kon install',
  NotAdmitted: ({ kind, name }) =>
    `Delete and recreate the ${kind.noun}: kon ${kind.noun} export ${name} > ${name}.yaml; kon ${kind.noun} delete ${name}; kon apply -f ${name}.yaml`,
  ClusterConfigNotReady: () => 'Show what is missing: kubectl get clusterconfigs -o yaml',
  AccountNotFound: ({ account = 'NAME' }) =>
    `Create the account: ${accountKind.advice.create(account)}; the app then continues automatically`,
  AccountExcludesTarget: ({ account = 'NAME' }) =>
    `Allow the target: ${accountKind.advice.edit(account)} --all-targets`,
  AccountNotLinkedToTarget: accounts,
  IdentityNotProven: accounts,
  NotInjected: () =>
    'Find the problem of the pod identity webhook with kon doctor, and repair it; the app then continues automatically',
  IdentityNotChecked: () =>
    'Admit the dry-run pod of the operator: raise the quota, or change the policy that the message names so that the policy exempts such pods',
  UnexpectedIdentity: ({ name }) =>
    `Remove the identity from the ServiceAccount that the message names (its annotation, or its EKS Pod Identity association), then: kon app restart ${name}`,
  DependencyMissing: (subject) =>
    `Create the app that the message names, or remove it from the dependencies: ${edit(subject)}`,
  PausedByFailedRollout: () =>
    'Repair, halt or delete the app that the message names; find the problem: kon app status NAME',
  ImagePullBackOff: otherImage,
  ErrImagePull: otherImage,
  CrashLoopBackOff: ({ name }) =>
    `Read the last output of the app: kon app logs ${name} --previous --tail 50`,
  Unschedulable: (subject) =>
    `Compare resources.requests with the capacity: kubectl describe nodes; then add nodes, or lower the requests: ${edit(subject)}`,
  InvalidSpec: (subject) => `Correct the spec: ${edit(subject)}`,
  NotOwned: () => 'Delete the object that the message names, or create the app under another name.',
  DeletionProtected: ({ name }) =>
    `Remove the protection of the account: kubectl label lsa ${name} ${protectedMark}-; kubectl annotate lsa ${name} ${protectedMark}-`,
  ClusterChanged: () => 'Restore the ClusterConfig as the message says: kubectl edit clusterconfigs',
  Quarantined: ({ kind, name, account = name }) =>
    `Release the account, if the incident is over: kon account release ${kind === accountKind ? name : account}`,
  OldPodsRunning: ({ name }) =>
    `Delete the pods of the account; their workloads then create new pods: kon account release ${name} --delete-pods`,
  OldSessionsLive: () => 'Wait until the time that the message names, or remove the tag as the message says',
  InUse: () =>
    'Remove the uses of the account that the message names, for example: kon app edit NAME --no-account; the account is then deleted automatically',
};
