/** Steps on the ServiceAccount of a target: effect, Event and plan line of each kind. */
import { fieldManager } from '../../api/index.ts';
import { accountLabelValue } from '../desired/names.ts';
import type { ObservedServiceAccount } from '../state/world.ts';
import type { StepEvent } from './event.ts';
import type { StepRow, StepOf } from './step.ts';

export type ServiceAccountStep = StepOf<
  'CreateServiceAccount' | 'LinkServiceAccount' | 'UnlinkServiceAccount' | 'DeleteServiceAccount'
>;

/** Identifiers of a ServiceAccount that its creation returned. */
export type CreatedServiceAccount = Pick<ObservedServiceAccount, 'uid' | 'resourceVersion'>;

type ServiceAccountRow<S extends ServiceAccountStep> = StepRow<S> & {
  effect(step: S, account: string, created: CreatedServiceAccount): ObservedServiceAccount | undefined;
};

const annotated = (roleArn: string | undefined): Pick<ObservedServiceAccount, 'roleArn' | 'roleArnManager'> =>
  roleArn === undefined ? {} : { roleArn, roleArnManager: fieldManager };

export const serviceAccountSteps: {
  readonly [K in ServiceAccountStep['kind']]: ServiceAccountRow<StepOf<K>>;
} = {
  CreateServiceAccount: {
    effect: ({ roleArn }, account, created) => ({
      ...created,
      created: true,
      account: accountLabelValue(account),
      ...annotated(roleArn),
    }),
    event: ({ target, roleArn }, account) =>
      roleArn === undefined
        ? { reason: 'ServiceAccountLinked', note: `created ${target}/${account}` }
        : linked(target, account, roleArn),
    planLine: ({ roleArn }) => ({
      action: 'create',
      summary: roleArn === undefined ? 'ServiceAccount' : `ServiceAccount with the role ${roleArn}`,
    }),
  },
  LinkServiceAccount: {
    effect: ({ roleArn, serviceAccount: { roleArn: _, roleArnManager: __, ...before } }) => ({
      ...before,
      ...annotated(roleArn),
    }),
    event: ({ target, roleArn }, account) =>
      roleArn === undefined
        ? {
            reason: 'ServiceAccountUnlinked',
            note: `removed the role annotation from the ServiceAccount ${target}/${account}`,
          }
        : linked(target, account, roleArn),
    planLine: ({ roleArn, serviceAccount: { roleArn: before } }) => ({
      action: 'update',
      summary:
        roleArn === undefined
          ? 'remove the role annotation from the ServiceAccount'
          : `annotate the ServiceAccount with the role ${roleArn}`,
      ...(before === undefined || roleArn === undefined ? {} : { before, after: roleArn }),
    }),
  },
  UnlinkServiceAccount: {
    effect({ keepsAnnotation, serviceAccount: { account: _, ...released } }) {
      const { roleArn: _role, roleArnManager: _manager, ...rest } = released;
      return keepsAnnotation ? released : rest;
    },
    event: ({ target }, account) => ({
      reason: 'ServiceAccountUnlinked',
      note: `unlinked ${target}/${account}`,
    }),
    planLine: ({ keepsAnnotation, serviceAccount: { roleArn, roleArnManager } }) => ({
      action: 'update',
      summary: keepsAnnotation
        ? `release the ServiceAccount from the account; the role annotation ${roleArn} stays, because "${roleArnManager}" set it`
        : roleArn === undefined
          ? 'release the ServiceAccount from the account'
          : `remove the annotation with the role ${roleArn} from the ServiceAccount`,
    }),
  },
  DeleteServiceAccount: {
    effect: () => undefined,
    event: ({ target }, account) => ({
      reason: 'ServiceAccountUnlinked',
      note: `deleted the ServiceAccount ${target}/${account}`,
    }),
    planLine: () => ({ action: 'delete', summary: 'ServiceAccount' }),
  },
};

const linked = (target: string, account: string, roleArn: string): StepEvent => ({
  reason: 'ServiceAccountLinked',
  note: `linked ${target}/${account} to ${roleArn}`,
  brief: `linked ${target}/${account}`,
});

export function isServiceAccountStep(step: { readonly kind: string }): step is ServiceAccountStep {
  return step.kind in serviceAccountSteps;
}

/**
 * ServiceAccount after a step; undefined after its deletion. It is derived from the ServiceAccount in the step or, for a
 * creation, from `created`.
 *
 * @param created the identifiers of a new ServiceAccount
 */
export function serviceAccountAfter(
  step: ServiceAccountStep,
  account: string,
  created: CreatedServiceAccount,
): ObservedServiceAccount | undefined {
  const row: ServiceAccountRow<ServiceAccountStep> = serviceAccountSteps[step.kind];
  return row.effect(step, account, created);
}
