/** Executes steps on Pod Identity associations and caches their results. */
import { roleArnAnnotation, type LinkedServiceAccount } from '../../api/index.ts';
import {
  asIdentityError,
  IdentityError,
  associationAfter,
  cachedAssociationAfter,
  type AssociationStep,
  type AssociationStore,
  type ObservedAssociation,
  type PodIdentityProver,
  type RoleStore,
} from '../../identity/index.ts';
import type { AssociationCache } from '../observed-state/associations.ts';
import { confirmAssociation } from './confirm-association.ts';
import { patchServiceAccount, type LinkTools } from './service-account-link.ts';

export type AssociationTools = LinkTools & {
  readonly roles: RoleStore;
  readonly associationBeliefs: AssociationCache;
  /** Reason why pods of a workload of the account cannot be replaced now. */
  readonly rolloutObstacle: (account: string, signal: AbortSignal) => Promise<string | undefined>;
  /** @throws IdentityError where the cluster is not an EKS cluster */
  readonly podIdentity: () => {
    readonly associations: AssociationStore;
    readonly prover: PodIdentityProver;
  };
};

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
  /** After a write with an unknown outcome, or to an association that EKS does not find, it is read before anything else. */
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
      const before = beliefs.of(of.serviceAccount, [step.target]).get(step.target);
      const tagged = associationAfter(step, of.serviceAccount);
      await write(async () => {
        await associations.tag(step.association.arn, step.tags, signal);
        return tagged;
      });
      if (cachedAssociationAfter(step, before, tagged).source === 'read')
        beliefs.read(of, tagged ?? undefined);
      return;
    }
    case 'DeleteAssociation':
      if (step.successor) {
        const { roleArn, serviceAccount } = step.successor;
        const blocker = await tools.rolloutObstacle(account.metadata.name, signal);
        if (blocker !== undefined)
          throw new IdentityError(
            'RolloutBlocked',
            `pods of ${blocker}, so that none of the account's targets switches`,
          );
        const annotations = { [roleArnAnnotation]: roleArn };
        // Changes nothing, and is refused if the ServiceAccount changed since this was decided.
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
