/** What is told in an Event when a step has been carried out. Steps that are not listed are not told. */
import type { FormerTarget } from '../../api/index.ts';
import { retainedTag, sessionsNote, type Step } from '../../identity/index.ts';

/** Every Event reason about an account, beside the error codes, and what it means. */
export const accountEventReasons = {
  RoleCreated: 'The IAM role was made, and what was done with it at once.',
  RoleDeleted: 'The IAM role was deleted.',
  RoleRetained:
    'The IAM role stays after its account and was tagged as retained. kon account orphans lists it.',
  TrustPolicyUpdated: "The role's trust policy was written.",
  PolicyAttached: 'A policy was attached to the role.',
  PolicyDetached: 'A policy was detached from the role.',
  InlinePolicyDeleted: 'An inline policy that others put on the role was removed.',
  RoleUpdated: 'The boundary, the session length or the tags of the role were written.',
  ServiceAccountLinked: 'A ServiceAccount was made or annotated with the role.',
  ServiceAccountUnlinked: 'The link of a ServiceAccount was removed.',
  SessionsOutlive: 'A target was unlinked, and AWS sessions of it may live on until the time that is named.',
  RoleAssociated: 'An EKS Pod Identity association of a ServiceAccount was made or changed.',
  RoleDissociated: 'The EKS Pod Identity association of a ServiceAccount was removed.',
  IdentityProven: "A token of a target's ServiceAccount was exchanged for credentials of the role.",
  RoleDrifted: 'The role was changed outside Konstellation.',
} as const;

export type AccountEventReason = keyof typeof accountEventReasons;

export type StepEvent = {
  readonly reason: AccountEventReason;
  readonly note: string;
  /** What is left to say where the role has just been named. */
  readonly brief?: string;
};

/**
 * What is told of all that was done in one go: one Event for each reason, or a single one when a role was made. Each is a
 * write to the API server, and a fleet of new accounts should not cost it more than the accounts themselves.
 */
export function inFewEvents(events: readonly StepEvent[]): readonly Pick<StepEvent, 'reason' | 'note'>[] {
  const made = events.some(({ reason }) => reason === 'RoleCreated');
  const notes = new Map<AccountEventReason, string[]>();
  for (const { reason, note, brief } of events) {
    const under = made ? 'RoleCreated' : reason;
    notes.set(under, [...(notes.get(under) ?? []), made ? (brief ?? note) : note]);
  }
  return [...notes].map(([reason, each]) => ({ reason, note: each.join('; ') }));
}

export function identityProven(target: string, account: string): StepEvent {
  return {
    reason: 'IdentityProven',
    note: `proved the identity of ${target}/${account}`,
    brief: `proved ${target}/${account}`,
  };
}

export function sessionsOutlive(former: FormerTarget, account: string): StepEvent {
  return { reason: 'SessionsOutlive', note: sessionsNote(former, account) };
}

export function eventOf(step: Step, account: string): StepEvent | undefined {
  switch (step.kind) {
    case 'CreateRole':
      return { reason: 'RoleCreated', note: `made the role ${step.role}` };
    case 'DeleteRole':
      return { reason: 'RoleDeleted', note: `deleted the role ${step.role}, which ended its sessions` };
    case 'UpdateTrustPolicy':
      return { reason: 'TrustPolicyUpdated', note: `wrote the trust policy of ${step.role}` };
    case 'AttachPolicy':
      return {
        reason: 'PolicyAttached',
        note: `attached ${step.policyArn} to ${step.role}`,
        brief: `attached ${step.policyArn}`,
      };
    case 'DetachPolicy':
      return { reason: 'PolicyDetached', note: `detached ${step.policyArn} from ${step.role}: ${step.why}` };
    case 'DeleteInlinePolicy':
      return {
        reason: 'InlinePolicyDeleted',
        note: `removed the inline policy ${step.policyName} from ${step.role}`,
      };
    case 'PutPermissionsBoundary':
      return { reason: 'RoleUpdated', note: `bounded ${step.role} by ${step.policyArn}` };
    case 'DeletePermissionsBoundary':
      return { reason: 'RoleUpdated', note: `removed the permissions boundary of ${step.role}` };
    case 'UpdateMaxSessionDuration':
      return {
        reason: 'RoleUpdated',
        note: `set the longest session of ${step.role} to ${step.seconds} seconds`,
      };
    case 'TagRole':
      if (retainedTag in step.tags)
        return {
          reason: 'RoleRetained',
          note: `kept the role ${step.role}, which kon account orphans lists from now on`,
        };
      return {
        reason: 'RoleUpdated',
        note: `set tags of ${step.role}: ${Object.keys(step.tags).join(', ')}`,
      };
    case 'UntagRole':
      return { reason: 'RoleUpdated', note: `removed tags of ${step.role}: ${step.keys.join(', ')}` };
    case 'CreateServiceAccount':
    case 'LinkServiceAccount':
      if (step.roleArn === undefined) {
        return step.kind === 'CreateServiceAccount'
          ? { reason: 'ServiceAccountLinked', note: `made ${step.target}/${account}` }
          : { reason: 'ServiceAccountUnlinked', note: `took the role off ${step.target}/${account}` };
      }
      return {
        reason: 'ServiceAccountLinked',
        note: `linked ${step.target}/${account} to ${step.roleArn}`,
        brief: `linked ${step.target}/${account}`,
      };
    case 'CreateAssociation':
    case 'UpdateAssociation':
      return { reason: 'RoleAssociated', note: `associated ${step.target}/${account} with ${step.roleArn}` };
    case 'DeleteAssociation':
      return {
        reason: 'RoleDissociated',
        note: `removed the association of ${step.target}/${account}: ${step.why}`,
      };
    case 'UnlinkServiceAccount':
      return { reason: 'ServiceAccountUnlinked', note: `unlinked ${step.target}/${account}` };
    case 'DeleteServiceAccount':
      return {
        reason: 'ServiceAccountUnlinked',
        note: `deleted the ServiceAccount ${step.target}/${account}`,
      };
    case 'AddFinalizer':
    case 'RemoveFinalizer':
    case 'ReadRole':
    case 'ProveIdentity':
    case 'ReadAssociation':
    case 'TagAssociation':
    case 'ConfirmAssociation':
      return undefined;
  }
}
