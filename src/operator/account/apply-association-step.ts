/** Executes steps on Pod Identity associations and caches their results. */
import { roleArnAnnotation, type LinkedServiceAccount } from '../../api/index.ts';
import {
  alteredSettings,
  asIdentityError,
  IdentityError,
  associationAfter,
  type AssociationStep,
  type AssociationWrite,
  type ObservedAssociation,
} from '../../identity/index.ts';
import { confirmAssociation } from './confirm-association.ts';
import { patchServiceAccount } from './service-account-link.ts';
import type { StepTools } from './step-tools.ts';

/** @throws IdentityError */
export async function applyAssociationStep(
  step: AssociationStep,
  account: LinkedServiceAccount,
  tools: StepTools,
  signal: AbortSignal,
): Promise<void> {
  const { associationCache: cache } = tools;
  const { associations } = tools.podIdentity();
  const of = { namespace: step.target, serviceAccount: account.metadata.name };
  const write = async (
    writeStep: AssociationWrite,
    call: () => Promise<ObservedAssociation | null>,
  ): Promise<void> => {
    try {
      cache.applied(of, writeStep, await call());
    } catch (error) {
      cache.failed(of, asIdentityError(error));
      throw error;
    }
  };
  switch (step.kind) {
    case 'ReadAssociation':
      cache.read(of, await associations.read(of, signal));
      return;
    case 'CreateAssociation':
      return write(step, () =>
        associations.create({ ...of, roleArn: step.roleArn, tags: step.tags }, signal),
      );
    case 'UpdateAssociation': {
      await write(step, () => associations.update(step.association, step.roleArn, signal));
      const left = cache.of(of.serviceAccount, []).get(step.target)?.association;
      const altered = left ? alteredSettings(left) : [];
      if (altered.length > 0)
        throw new IdentityError(
          'NotInEffect',
          `EKS updated the association "${step.association.id}" but did not remove ${altered.join(' and ')}`,
        );
      return;
    }
    case 'TagAssociation':
      return write(step, async () => {
        await associations.tag(step.association.arn, step.tags, signal);
        return associationAfter(step, of.serviceAccount);
      });
    case 'DeleteAssociation':
      if (step.successor) {
        const { roleArn, serviceAccount } = step.successor;
        const blocker = await tools.replacementBlocker(account.metadata.name, signal);
        if (blocker !== undefined)
          throw new IdentityError(
            'RolloutBlocked',
            `pods of ${blocker}; until these pods can be replaced, no target of the account switches its identity mode`,
          );
        const annotations = { [roleArnAnnotation]: roleArn };
        // This patch changes nothing, but the API server refuses it if the ServiceAccount has changed since the step
        // was planned.
        await patchServiceAccount(account, step.target, serviceAccount, annotations, {}, tools, signal);
      }
      return write(step, async () => {
        await associations.delete(step.association.id, signal);
        return null;
      });
    case 'ConfirmAssociation':
      return confirmAssociation(step, account, { ...tools, associations }, signal);
  }
}
