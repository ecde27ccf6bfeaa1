/** Steps on the EKS Pod Identity association of a target: effect, Event and plan line of each kind. */
import { onlyAddsTags } from '../desired/tags.ts';
import type { CachedAssociation, ObservedAssociation } from '../state/world.ts';
import type { StepEvent } from './event.ts';
import type { StepRow, StepOf } from './step.ts';

export type AssociationStep = StepOf<'ReadAssociation' | 'ConfirmAssociation' | AssociationWrite['kind']>;

export type AssociationWrite = StepOf<
  'CreateAssociation' | 'UpdateAssociation' | 'TagAssociation' | 'DeleteAssociation'
>;

/** Identifiers of an association that CreateAssociation returned. */
export type CreatedAssociation = Pick<ObservedAssociation, 'arn' | 'id'>;

type AssociationRow<S extends AssociationStep> = StepRow<S> & {
  /** Returns the association after the step; null if none exists then. Steps that only read have no such function. */
  effect?(step: S, account: string, created: CreatedAssociation | undefined): ObservedAssociation | null;
};

/**
 * Settings of an association that change the credentials of its pods, as text; empty if it has none. The operator never makes
 * such settings.
 */
export function alteredSettings({ details }: ObservedAssociation): readonly string[] {
  if (!details) return [];
  const { targetRoleArn, policy, withoutSessionTags } = details;
  return [
    ...(targetRoleArn === undefined ? [] : [`targetRoleArn ${targetRoleArn}`]),
    ...(policy === undefined ? [] : ['a session policy']),
    ...(withoutSessionTags ? ['disableSessionTags'] : []),
  ];
}

const unread: NonNullable<ObservedAssociation['details']> = {
  roleArn: '',
  tags: {},
  withoutSessionTags: false,
};

export const associationSteps: { readonly [K in AssociationStep['kind']]: AssociationRow<StepOf<K>> } = {
  ReadAssociation: {},
  ConfirmAssociation: { detail: ({ proofKey }) => proofKey },
  CreateAssociation: {
    effect: ({ target, roleArn, tags }, account, created) =>
      created
        ? {
            ...created,
            namespace: target,
            serviceAccount: account,
            details: { roleArn, tags, withoutSessionTags: false },
          }
        : null,
    event: ({ target, roleArn }, account) => associated(target, account, roleArn),
    planLine: ({ roleArn }) => ({
      action: 'create',
      summary: `Pod Identity association with the role ${roleArn}`,
    }),
  },
  UpdateAssociation: {
    effect: ({ association, roleArn }) => {
      const { targetRoleArn: _, policy: __, ...details } = association.details ?? unread;
      return { ...association, details: { ...details, roleArn, withoutSessionTags: false } };
    },
    event: ({ target, association, roleArn }, account) => {
      const { reason, note } = associated(target, account, roleArn);
      return { reason, note: `${note}${withoutAltered(association)}` };
    },
    planLine: ({ association, roleArn }) => ({
      action: 'update',
      summary: `change the Pod Identity association to the role ${roleArn}${withoutAltered(association)}`,
      ...(association.details ? { before: association.details.roleArn, after: roleArn } : {}),
    }),
  },
  TagAssociation: {
    effect: ({ association, tags }) => {
      const { details } = association;
      return details
        ? { ...association, details: { ...details, tags: { ...details.tags, ...tags } } }
        : association;
    },
    planLine: ({ tags }) => ({
      action: 'update',
      summary: `tags ${Object.keys(tags).join(', ')} of the association`,
    }),
  },
  DeleteAssociation: {
    effect: () => null,
    event: ({ target, why }, account) => ({
      reason: 'RoleDissociated',
      note: `removed the association of ${target}/${account}: ${why}`,
    }),
    planLine: ({ why }) => ({ action: 'delete', summary: `Pod Identity association (${why})` }),
  },
};

const withoutAltered = (association: ObservedAssociation): string => {
  const altered = alteredSettings(association);
  return altered.length === 0 ? '' : `, without ${altered.join(' and ')}`;
};

const associated = (target: string, account: string, roleArn: string): StepEvent => ({
  reason: 'RoleAssociated',
  note: `associated ${target}/${account} with ${roleArn}`,
});

export function isAssociationStep(step: { readonly kind: string }): step is AssociationStep {
  return step.kind in associationSteps;
}

/**
 * Association after a step that EKS confirmed; null if none exists then.
 *
 * @param created the response of CreatePodIdentityAssociation
 */
export function associationAfter(
  step: AssociationWrite,
  account: string,
  created?: CreatedAssociation,
): ObservedAssociation | null {
  const row: AssociationRow<AssociationWrite> = associationSteps[step.kind];
  return row.effect?.(step, account, created) ?? null;
}

/**
 * Cached state after a write that EKS confirmed. A written association has to be read back before pods rely on it. An exception
 * is a write that only adds tags to an association that was read, because tags do not affect pods.
 */
export function cachedAssociationAfter(
  step: AssociationWrite,
  before: CachedAssociation | undefined,
  association: ObservedAssociation | null,
): CachedAssociation {
  const { details } = step.kind === 'TagAssociation' ? step.association : {};
  const onlyTags = step.kind === 'TagAssociation' && details && onlyAddsTags(details.tags, step.tags);
  return { association, source: onlyTags && before?.source === 'read' ? 'read' : 'write' };
}
