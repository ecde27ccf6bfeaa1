/**
 * The operator restarts in the middle of a switch from Pod Identity to IRSA, while EKS does not allow the operator to
 * list associations.
 */
import { describe, expect, it } from 'vitest';
import { linkedServiceAccounts, type LinkedServiceAccount } from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { resources } from '../../src/kube/index.ts';
import { create, deploy, edit } from './acts.ts';
import { checkInvariants } from './invariants/invariants.ts';
import { startSimulation, targets, type Simulation } from './simulation.ts';

const minute = 60_000;
const deletion = 'eks DeletePodIdentityAssociation';

function readyOf({ server }: Simulation): ReturnType<typeof findCondition> {
  const account = server.get(linkedServiceAccounts, 'a') as unknown as LinkedServiceAccount;
  return findCondition(account.status?.conditions, 'Ready');
}

/** Returns the running pods of each target, each as `NAME MODE` with the pod's identity mode. */
function podsOf({ server }: Simulation): Readonly<Record<string, readonly string[]>> {
  const modeOf = (spec: unknown): string => {
    const text = JSON.stringify(spec);
    if (text.includes('AWS_CONTAINER_CREDENTIALS_FULL_URI')) return 'PodIdentity';
    return text.includes('AWS_WEB_IDENTITY_TOKEN_FILE') ? 'IRSA' : 'none';
  };
  const running = (target: string): readonly string[] =>
    server
      .list(resources.pods, target)
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata, spec }) => `${metadata.name} ${modeOf(spec)}`);
  return Object.fromEntries(targets.map((target) => [target, running(target)]));
}

const modesOf = (simulation: Simulation): readonly (string | undefined)[] =>
  Object.values(podsOf(simulation)).flatMap((pods) => pods.map((pod) => pod.split(' ')[1]));

const associated = ({ aws }: Simulation): readonly string[] =>
  [...aws.eks.associations.values()].map(({ namespace }) => namespace);

describe.each([
  ['killed before', 'killedBefore', ['production', 'staging']],
  ['killed after', 'killedAfter', ['staging']],
] as const)(
  'an operator that was %s the deletion of an association and is denied the listing of associations',
  (_, fault, left) => {
    it('leaves the pods and the remaining associations unchanged, names the denied call, and changes the identity mode after the listing is allowed', async () => {
      let isKilled = false;
      let isDenied = false;
      const simulation = await startSimulation({
        faults: {
          fate({ what }) {
            if (!isKilled && what.startsWith(deletion)) {
              isKilled = true;
              isDenied = true;
              return { fault };
            }
            return isDenied && what.startsWith('eks ListPodIdentityAssociations') ? { fault: 'denied' } : {};
          },
        },
      });
      const { time } = simulation;
      const { violations } = checkInvariants(simulation, { unawareMs: 0 });
      await create('a', { aws: { identityMode: 'PodIdentity' } })(simulation);
      await deploy('app', {
        serviceAccount: 'a',
        targets: targets.map((name) => ({ name, deployMode: 'latest' as const })),
      })(simulation);
      await time.pass(5 * minute);
      expect(modesOf(simulation)).toEqual(['PodIdentity', 'PodIdentity']);
      expect(readyOf(simulation)).toMatchObject({ status: 'True' });
      const before = podsOf(simulation);

      await edit('a', { aws: { identityMode: 'IRSA' } })(simulation);
      await time.pass(30 * minute);
      expect(isKilled).toBe(true);
      expect(associated(simulation)).toEqual(left);
      expect(podsOf(simulation)).toEqual(before);
      expect(readyOf(simulation)).toMatchObject({
        status: 'False',
        reason: 'AccessDenied',
        message: expect.stringContaining('eks:ListPodIdentityAssociations'),
      });

      isDenied = false;
      expect(await time.pass(20 * minute, () => readyOf(simulation)?.status === 'True')).toBe(true);
      await time.pass(minute);
      expect(associated(simulation)).toEqual([]);
      expect(modesOf(simulation)).toEqual(['IRSA', 'IRSA']);
      expect(violations).toEqual([]);
    });
  },
);
