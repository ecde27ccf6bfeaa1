/** Carries out what a plan asks of Pod Identity associations, and notes what it made so. */
import { roleArnAnnotation, type LinkedServiceAccount } from '../../api/index.ts';
import {
  asIdentityError,
  IdentityError,
  onlyAddsTags,
  type AssociationStore,
  type ObservedAssociation,
  type PodIdentityProver,
  type RoleStore,
  type Step,
} from '../../identity/index.ts';
import type { AssociationCache } from '../observed-state/associations.ts';
import { confirmAssociation } from './confirm-association.ts';
import { patchServiceAccount, type LinkTools } from './service-account-link.ts';

export type AssociationTools = LinkTools & {
  readonly roles: RoleStore;
  readonly associationBeliefs: AssociationCache;
  /** Why pods of a workload of the account cannot be replaced now. */
  readonly rolloutObstacle: (account: string, signal: AbortSignal) => Promise<string | undefined>;
  /** Throws IdentityError where there is no EKS. */
  readonly podIdentity: () => {
    readonly associations: AssociationStore;
    readonly prover: PodIdentityProver;
  };
};

type AssociationStep = Extract<
  Step,
  {
    readonly kind:
      | 'ReadAssociation'
      | 'CreateAssociation'
      | 'UpdateAssociation'
      | 'TagAssociation'
      | 'DeleteAssociation'
      | 'ConfirmAssociation';
  }
>;

/** @throws IdentityError */
export async function applyAssociationStep(
  step: AssociationStep,
  account: LinkedServiceAccount,
  tools: AssociationTools,
  signal: AbortSignal,
): Promise<void> {
  const { associationBeliefs: beliefs } = tools;
  const { associations } = tools.podIdentity();
  const of = { namespace: step.target, serviceAccount: account.metadata.name };
  /** What is there after a write that was not answered, or that met nothing, is looked at before anything else is done. */
  const write = async (change: () => Promise<ObservedAssociation | null>): Promise<void> => {
    try {
      beliefs.wrote(of, await change());
    } catch (error) {
      const isGone = error instanceof IdentityError && error.code === 'AssociationNotFound';
      if (isGone || asIdentityError(error).mayBeDone) beliefs.lost(of);
      throw error;
    }
  };
  switch (step.kind) {
    case 'ReadAssociation':
      beliefs.read(of, await associations.read(of, signal));
      return;
    case 'CreateAssociation':
      return write(() => associations.create({ ...of, roleArn: step.roleArn, tags: step.tags }, signal));
    case 'UpdateAssociation':
      return write(() => associations.update(step.association.id, step.roleArn, signal));
    case 'TagAssociation': {
      const { details } = step.association;
      const tagged = details
        ? { ...step.association, details: { ...details, tags: { ...details.tags, ...step.tags } } }
        : step.association;
      const before = beliefs.of(of.serviceAccount, [step.target]).get(step.target);
      await write(async () => {
        await associations.tag(step.association.arn, step.tags, signal);
        return tagged;
      });
      // Where a tag came to those that made it ours already, pods get what they got: nothing is to be read back.
      if (before?.source === 'read' && details && onlyAddsTags(details.tags, step.tags))
        beliefs.read(of, tagged);
      return;
    }
    case 'DeleteAssociation':
      if (step.successor) {
        const { roleArn, serviceAccount } = step.successor;
        const obstacle = await tools.rolloutObstacle(account.metadata.name, signal);
        if (obstacle !== undefined)
          throw new IdentityError(
            'RolloutBlocked',
            `pods of ${obstacle}, so that none of the account's targets switches`,
          );
        const annotations = { [roleArnAnnotation]: roleArn };
        // Changes nothing, and is refused where the ServiceAccount is not any more what this was decided on.
        await patchServiceAccount(account, step.target, serviceAccount, annotations, {}, tools, signal);
      }
      return write(async () => {
        await associations.delete(step.association.id, signal);
        return null;
      });
    case 'ConfirmAssociation':
      return confirmAssociation(step, account, { ...tools, associations }, signal);
  }
}
