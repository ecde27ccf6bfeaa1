/** Kubernetes Events about steps that were applied. */

/**
 * Reasons of Events about accounts, each with its meaning. Error codes, which are also used as reasons, are not
 * included.
 */
export const accountEventReasons = {
  RoleCreated: 'The IAM role was created. The Event also lists the other steps of the same reconcile.',
  RoleDeleted: 'The IAM role was deleted.',
  RoleRetained:
    'The IAM role was tagged as retained and stays after the deletion of its account. kon account orphans lists the role.',
  TrustPolicyUpdated: "The role's trust policy was written.",
  PolicyAttached: 'A policy was attached to the role.',
  PolicyDetached: 'A policy was detached from the role.',
  StatementsWritten: "The account's statements were written to the inline policy of the role.",
  StatementsRemoved: "The inline policy with the account's statements was removed from the role.",
  PodsDenied: 'The role now denies the sessions of the pods that are named in Quarantines.',
  PodsReleased: 'The role no longer denies the sessions of individual pods.',
  InlinePolicyDeleted: 'An inline policy that others put on the role was removed.',
  RoleUpdated: 'The boundary, the session length, the description or the tags of the role were written.',
  ServiceAccountLinked: 'A ServiceAccount was created or annotated with the role.',
  ServiceAccountUnlinked: 'The link of a ServiceAccount was removed.',
  SessionsOutlive:
    'A target was unlinked. AWS sessions of pods in that target can continue until the time that the Event names.',
  RoleAssociated: 'An EKS Pod Identity association of a ServiceAccount was created or changed.',
  RoleDissociated: 'The EKS Pod Identity association of a ServiceAccount was removed.',
  IdentityProven: "A token of a target's ServiceAccount was exchanged for credentials of the role.",
  RoleDrifted: 'The role was changed outside Konstellation.',
} as const;

export type AccountEventReason = keyof typeof accountEventReasons;

export type StepEvent = {
  readonly reason: AccountEventReason;
  readonly note: string;
  /** Shorter note without the role, used in an Event that already names the role. */
  readonly brief?: string;
};

/**
 * Joins the Events of one reconcile into one Event per reason, or into a single Event if a role was created. Each Event costs a
 * write to the API server, and the Events of a thousand new accounts should not cost more than the accounts themselves.
 */
export function joinEvents(events: readonly StepEvent[]): readonly Pick<StepEvent, 'reason' | 'note'>[] {
  const isCreation = events.some(({ reason }) => reason === 'RoleCreated');
  const notes = new Map<AccountEventReason, string[]>();
  for (const { reason, note, brief } of events) {
    const under = isCreation ? 'RoleCreated' : reason;
    notes.set(under, [...(notes.get(under) ?? []), isCreation ? (brief ?? note) : note]);
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
