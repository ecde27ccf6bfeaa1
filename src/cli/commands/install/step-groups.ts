/** Lists the steps of an installation in the order of their dependencies. */
import type { InstallationStore } from '../../../aws/installation.ts';
import { type KubeClient, type KubeObject } from '../../../kube/index.ts';
import type { Aws } from '../../aws/session.ts';
import { acceptNewStep } from '../../installation/refuse-new.ts';
import type { Clock } from '../../installation/enforcement.ts';
import { associationRemoval, associationStep } from '../../installation/operator-identity.ts';
import type { Installation } from './installation.ts';
import { operatorName } from '../../installation/operator-objects.ts';
import {
  crdStep,
  newObjectStep,
  objectStep,
  presentStep,
  providerStep,
  roleStep,
  type Step,
} from '../../installation/steps.ts';

/** AWS clients for the reads and writes of an installation. */
export type Found = { readonly aws: Aws; readonly installation: InstallationStore };

/** Returns groups of steps. The state of a group can be determined only after the previous group was applied. */
export function stepGroups(
  client: KubeClient,
  {
    cluster,
    namespace,
    former,
    role,
    association,
    policy,
    admission,
    crds,
    objects,
    config,
    existing,
  }: Installation,
  { aws: { roles, podIdentity }, installation }: Found,
  clock: Clock,
): readonly (() => Promise<readonly Step[]>)[] {
  const { signal } = clock;
  const all = (list: readonly KubeObject[]) => (): Promise<readonly Step[]> =>
    Promise.all(list.map((object) => objectStep(client, object, signal)));
  return [
    () =>
      Promise.all([
        ...(association ? [] : [providerStep(cluster, installation, signal)]),
        roleStep(
          { spec: role, policy: JSON.stringify(policy), clusterArn: cluster.clusterArn },
          { roles, installation },
          signal,
        ),
        ...(association
          ? [associationStep(association, podIdentity(cluster.name).associations, signal)]
          : []),
      ]),
    all(admission),
    () => acceptNewStep(client, clock),
    () => Promise.all(crds.map((crd) => crdStep(client, crd, signal))),
    // After a switch from Pod Identity, removes the association, because pods would use the association even if their
    // ServiceAccount has the role annotation.
    async () =>
      former === 'PodIdentity' && cluster.eks
        ? associationRemoval(
            { namespace, serviceAccount: operatorName },
            podIdentity(cluster.name).associations,
            cluster.clusterArn,
            signal,
          )
        : [],
    all(objects),
    async () => [existing ? presentStep(config) : await newObjectStep(client, config, signal)],
  ];
}
