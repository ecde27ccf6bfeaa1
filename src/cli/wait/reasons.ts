/** What a reason in status means for the one who waits: whether it goes by itself, and what to do if not. */
import { identityErrors } from '../../identity/errors.ts';
import type { IdentityReason } from '../../identity/reasons.ts';
import type { Kind } from '../kinds.ts';

/** With these, nothing changes before a person has changed something. */
const personalReasons: ReadonlySet<string> = new Set<IdentityReason>([
  'RoleNotOwned',
  'TooManyPolicies',
  'PolicyNotAllowed',
  'WrongPartition',
  'InlinePoliciesFound',
  'TargetUnknown',
  'ServiceAccountNotOwned',
  'ForeignAnnotation',
  'ForeignAudience',
  'ClusterConfigDuplicate',
  'IssuerMismatch',
  'WrongAccount',
]);

/** The same of an App; a reason of a target's state is not among them, as another target may still make its way. */
const personalAppReasons: ReadonlySet<string> = new Set([
  'AccountExcludesTarget',
  'UnknownTarget',
  'InvalidSpec',
  'NotOwned',
  'Refused',
]);

const errorOf = (reason: string): { readonly retry: string; readonly next: string } | undefined =>
  reason in identityErrors ? identityErrors[reason as keyof typeof identityErrors] : undefined;

export function needsPerson(reason: string): boolean {
  return (
    personalReasons.has(reason) || personalAppReasons.has(reason) || errorOf(reason)?.retry === 'terminal'
  );
}

/** What to do about a reason, best first. */
export function nextStepsFor(reason: string, kind: Kind, name: string): readonly string[] {
  const look = `Look at it: kon ${kind.noun} ${kind.noun === 'app' ? 'status' : 'show'} ${name}`;
  const edit = `kon ${kind.noun} edit ${name}`;
  const advice = reasonAdvice(reason, edit);
  return advice ? [advice, look] : [look];
}

function reasonAdvice(reason: string, edit: string): string | undefined {
  switch (reason) {
    case 'NotObserved':
      return 'See whether the operator runs on this cluster; start it with: kon operator';
    case 'PolicyNotFound':
    case 'WrongPartition':
    case 'TooManyPolicies':
      return `Correct the policies: ${edit}`;
    case 'PolicyNotAllowed':
      return `Choose policies that the ClusterConfig allows: ${edit}`;
    case 'TargetUnknown':
    case 'UnknownTarget':
      return `See which targets there are: kon target list; then: ${edit}`;
    case 'NoTargets':
      return 'Make a target: kon target create NAME';
    case 'NamespaceMissing':
      return 'Wait for the operator to make the namespace, or see why it does not: kon target list';
    case 'ClusterConfigMissing':
      return 'Tell Konstellation about the cluster: kon apply -f FILE, with a ClusterConfig in it';
    case 'ClusterConfigNotReady':
      return 'See what it lacks: kubectl get clusterconfigs -o yaml';
    case 'AccountNotFound':
    case 'WaitingForIdentity':
      return 'It goes on by itself when the account is there and Ready: kon account list';
    case 'InUse':
      return 'Take the account from the apps that use it: kon app edit NAME --no-account';
    default:
      return errorOf(reason)?.next;
  }
}
