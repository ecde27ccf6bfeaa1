/** What a plan's steps change, for people and programs. Pure. */
import type { Step } from '../../../../identity/steps/step.ts';
import type { AccountWorld, TargetObservation } from '../../../../identity/state/world.ts';
import type { Foreseen } from './foresee.ts';

export type Change = {
  readonly system: 'iam' | 'eks' | 'kubernetes';
  readonly action: 'create' | 'update' | 'delete';
  /** The planner's own word for the step. */
  readonly step: Step['kind'];
  /** What it is done to: a role's name, or `namespace/name`. */
  readonly object: string;
  /** What becomes so, as an end of a sentence about the object. */
  readonly summary: string;
  /** As text of several lines; of an update both, of the others the one that is. */
  readonly before?: string;
  readonly after?: string;
};

/** A pod that holds another identity afterwards, or still the old one. */
export type AffectedPod = {
  readonly namespace: string;
  readonly name: string;
  readonly workload?: string;
  /** Of an App: replaced by itself, once the new identity is proven. */
  readonly replaced: boolean;
};

/** The steps that change something; the planner's reads and proofs do not. */
export function changesOf(world: AccountWorld, { steps }: Pick<Foreseen, 'steps'>): readonly Change[] {
  const { name } = world.account.metadata;
  return steps.flatMap((step) => changeOf(step, name, world) ?? []);
}

function changeOf(step: Step, account: string, world: AccountWorld): Change | undefined {
  const role = 'role' in step ? world.roles.get(step.role)?.role : undefined;
  const iam = (
    action: Change['action'],
    summary: string,
    texts: Pick<Change, 'before' | 'after'> = {},
  ): Change => ({
    system: 'iam',
    action,
    step: step.kind,
    object: 'role' in step ? step.role : '',
    summary,
    ...texts,
  });
  const kubernetes = (action: Change['action'], object: string, summary: string): Change => ({
    system: 'kubernetes',
    action,
    step: step.kind,
    object,
    summary,
  });
  const eks = (
    action: Change['action'],
    target: string,
    summary: string,
    texts: Pick<Change, 'before' | 'after'> = {},
  ): Change => ({
    system: 'eks',
    action,
    step: step.kind,
    object: `${target}/${account}`,
    summary,
    ...texts,
  });
  switch (step.kind) {
    case 'ReadRole':
    case 'ProveIdentity':
    case 'ReadAssociation':
    case 'ConfirmAssociation':
    // Bookkeeping on the account itself.
    case 'AddFinalizer':
    case 'RemoveFinalizer':
      return undefined;
    case 'CreateRole': {
      const { path, maxSessionDuration, permissionsBoundaryArn, trustPolicy } = step.spec;
      const facts = [
        `path ${path}`,
        `sessions of ${maxSessionDuration} s at most`,
        ...(permissionsBoundaryArn === undefined ? [] : [`bounded by ${permissionsBoundaryArn}`]),
      ];
      return iam('create', `role with ${facts.join(', ')}`, { after: pretty(trustPolicy) });
    }
    case 'DeleteRole':
      return iam('delete', 'role');
    case 'UpdateTrustPolicy':
      return iam('update', 'trust policy', {
        ...(role ? { before: pretty(role.trustPolicy) } : {}),
        after: pretty(step.trustPolicy),
      });
    case 'AttachPolicy':
      return iam('create', `attachment of ${step.policyArn}`);
    case 'DetachPolicy':
      return iam('delete', `attachment of ${step.policyArn} (${step.why})`);
    case 'DeleteInlinePolicy':
      return iam('delete', `inline policy ${step.policyName}`);
    case 'PutPermissionsBoundary':
      return iam(
        role?.permissionsBoundaryArn === undefined ? 'create' : 'update',
        `permissions boundary ${step.policyArn}`,
        role?.permissionsBoundaryArn === undefined
          ? {}
          : { before: role.permissionsBoundaryArn, after: step.policyArn },
      );
    case 'DeletePermissionsBoundary':
      return iam('delete', `permissions boundary ${role?.permissionsBoundaryArn ?? ''}`.trim());
    case 'UpdateMaxSessionDuration':
      return iam('update', `sessions of ${step.seconds} s at most`, {
        ...(role?.maxSessionDuration === undefined ? {} : { before: `${role.maxSessionDuration} s` }),
        after: `${step.seconds} s`,
      });
    case 'TagRole':
      return iam('update', `tags ${Object.keys(step.tags).join(', ')}`, {
        after: Object.entries(step.tags)
          .map(([key, value]) => `${key}=${value}`)
          .join('\n'),
      });
    case 'UntagRole':
      return iam('delete', `tags ${step.keys.join(', ')}`);
    case 'CreateServiceAccount':
      return kubernetes(
        'create',
        `${step.target}/${account}`,
        step.roleArn === undefined ? 'ServiceAccount' : `ServiceAccount with the role ${step.roleArn}`,
      );
    case 'LinkServiceAccount': {
      const { roleArn } = step.serviceAccount;
      const change = kubernetes(
        'update',
        `${step.target}/${account}`,
        step.roleArn === undefined
          ? 'ServiceAccount loses the annotation of its role'
          : `ServiceAccount gets the role ${step.roleArn}`,
      );
      return roleArn === undefined || step.roleArn === undefined
        ? change
        : { ...change, before: roleArn, after: step.roleArn };
    }
    case 'UnlinkServiceAccount':
      return kubernetes(
        'update',
        `${step.target}/${account}`,
        step.keepsAnnotation
          ? `ServiceAccount is let go of, and keeps the role ${step.serviceAccount.roleArn}, which "${step.serviceAccount.roleArnManager}" set`
          : step.serviceAccount.roleArn === undefined
            ? 'ServiceAccount is let go of'
            : `ServiceAccount loses its role ${step.serviceAccount.roleArn}`,
      );
    case 'DeleteServiceAccount':
      return kubernetes('delete', `${step.target}/${account}`, 'ServiceAccount');
    case 'CreateAssociation':
      return eks('create', step.target, `Pod Identity association with the role ${step.roleArn}`);
    case 'UpdateAssociation': {
      const before = step.association.details?.roleArn;
      const texts = before === undefined ? {} : { before, after: step.roleArn };
      return eks('update', step.target, `Pod Identity association gets the role ${step.roleArn}`, texts);
    }
    case 'TagAssociation':
      return eks('update', step.target, `tags ${Object.keys(step.tags).join(', ')} of the association`);
    case 'DeleteAssociation':
      return eks('delete', step.target, `Pod Identity association (${step.why})`);
  }
}

/** Running pods of targets that get their role in another way afterwards, or another one. */
export function affectedPods(
  world: AccountWorld,
  foreseen: Pick<Foreseen, 'targets' | 'associations'>,
): readonly AffectedPod[] {
  const after = new Map(
    foreseen.targets.map((target) => [target.name, identityOf(target, foreseen.associations)]),
  );
  return world.targets
    .filter((target) => identityOf(target, world.associations) !== after.get(target.name))
    .flatMap((target) =>
      target.users.map(({ pod, workload }) => ({
        namespace: target.name,
        name: pod,
        ...(workload === undefined ? {} : { workload }),
        replaced: workload?.startsWith('app ') === true,
      })),
    );
}

/** What pods hold. What an association points to they need not be made anew for. */
function identityOf(
  { name, serviceAccount }: TargetObservation,
  associations: AccountWorld['associations'],
): string | undefined {
  return associations.get(name)?.association ? 'by association' : serviceAccount?.roleArn;
}

function pretty(document: string): string {
  try {
    return JSON.stringify(JSON.parse(document), undefined, 2);
  } catch {
    return document;
  }
}
