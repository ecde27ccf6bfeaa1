/**
 * Configures how the operator itself gets its role. With IRSA, its ServiceAccount has the role annotation, and IAM has
 * the OIDC provider. With PodIdentity, EKS has an association, and no provider is needed. A new ClusterConfig uses the
 * same mode for accounts.
 */
import { unlessDenied } from '../framework/denied.ts';
import { orMissing } from '../cluster/objects.ts';
import type { ClusterConfig } from '../../api/cluster-config.ts';
import type { IdentityMode } from '../../api/linked-service-account.ts';
import { managedByLabel, roleArnAnnotation } from '../../api/labels.ts';
import type { AssociationStore } from '../../identity/state/ports.ts';
import { tagValue } from '../../identity/desired/tags.ts';
import { resources, sleep, systemTimer, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { identitiesHeld, isRunning, serviceAccountOf, type Pod } from '../../workloads/index.ts';
import { CliError } from '../framework/errors.ts';
import { installer, operatorName } from './operator-objects.ts';
import { installedTag } from './operator-role.ts';
import type { Clock } from './enforcement.ts';
import { probeIdentity } from './probe-identity.ts';
import type { Step } from './steps.ts';

/**
 * Returns the requested mode, or else the mode of the installed operator, or else the mode of the ClusterConfig.
 * @throws CliError of code CONFLICT when the ClusterConfig has another mode, because an installation must not change it
 */
export async function chooseIdentityMode(
  client: KubeClient,
  existing: ClusterConfig | undefined,
  of: { readonly asked: IdentityMode | undefined; readonly namespace: string; readonly signal: AbortSignal },
): Promise<IdentityMode> {
  const { asked, namespace, signal } = of;
  const configured = existing && (existing.spec.aws.identityMode ?? 'IRSA');
  if (existing && asked !== undefined && asked !== configured)
    throw new CliError('CONFLICT', `ClusterConfig ${existing.metadata.name} has identityMode ${configured}`, {
      details: [
        'A change of the mode switches all accounts, target by target; kon install does not change the ClusterConfig.',
      ],
      next: [
        `Change the ClusterConfig first: kubectl patch clusterconfig ${existing.metadata.name} --type merge -p '{"spec":{"aws":{"identityMode":"${asked}"}}}'`,
      ],
    });
  if (asked !== undefined) return asked;
  const serviceAccount = await orMissing(
    client.get<KubeObject>(resources.serviceAccounts, { namespace, name: operatorName }, { signal }),
  );
  if (serviceAccount?.metadata.labels?.[managedByLabel] === installer)
    return serviceAccount.metadata.annotations?.[roleArnAnnotation] ? 'IRSA' : 'PodIdentity';
  return configured ?? 'IRSA';
}

export type OperatorAssociation = {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly roleArn: string;
  readonly tags: Readonly<Record<string, string>>;
};

/** @throws CliError of code CONFLICT when a foreign association exists for the ServiceAccount */
export async function associationStep(
  of: OperatorAssociation,
  associations: AssociationStore,
  signal: AbortSignal,
): Promise<Step> {
  const object = `Pod Identity association ${of.namespace}/${of.serviceAccount}`;
  const found = await associations.read(of, signal);
  if (!found)
    return {
      object,
      state: 'missing',
      perform: async () => {
        await associations.create(of, signal);
      },
    };
  if (tagValue(found.details?.tags ?? {}, installedTag) !== of.tags[installedTag])
    throw new CliError(
      'CONFLICT',
      `${object} exists, but was not created by an installation of this cluster`,
      {
        details: [
          `The association ${found.id} gives ${found.details?.roleArn ?? 'a role that you are not permitted to read'} to the ServiceAccount, and lacks the tag ${installedTag}=${of.tags[installedTag]}.`,
        ],
        next: [
          'Delete the association, or add this tag, which hands the association over to the installation.',
        ],
      },
    );
  return {
    object,
    state: found.details?.roleArn === of.roleArn ? 'present' : 'differs',
    perform: async () => {
      await associations.update(found, of.roleArn, signal);
    },
  };
}

/**
 * Returns the step that removes the operator's association after a switch to the role annotation.
 */
export async function associationRemoval(
  of: { readonly namespace: string; readonly serviceAccount: string },
  associations: AssociationStore,
  clusterArn: string,
  signal: AbortSignal,
): Promise<readonly Step[]> {
  const found = await associations.read(of, signal);
  if (!found || tagValue(found.details?.tags ?? {}, installedTag) !== clusterArn) return [];
  return [
    {
      object: `Removal of the Pod Identity association ${of.namespace}/${of.serviceAccount}`,
      state: 'differs',
      perform: () => associations.delete(found.id, signal),
    },
  ];
}

/**
 * Returns the previous mode while a running operator pod uses it. The role trusts the previous mode until the pod is
 * replaced, because the operator would otherwise lose access to AWS.
 */
export async function formerMode(
  client: KubeClient,
  of: { readonly namespace: string; readonly mode: IdentityMode; readonly signal: AbortSignal },
): Promise<IdentityMode | undefined> {
  const { namespace, mode, signal } = of;
  const { items } = await client.list<Pod & KubeObject>(resources.pods, { namespace, signal });
  const held = items
    .filter((pod) => isRunning(pod) && serviceAccountOf(pod) === operatorName)
    .flatMap((pod) => identitiesHeld(pod))
    .map(({ kind }) => kind);
  const former = mode === 'IRSA' ? 'podIdentity' : 'role';
  return !held.includes(former) ? undefined : mode === 'IRSA' ? 'PodIdentity' : 'IRSA';
}

export const addAgentCommand = (cluster: string): string =>
  `aws eks create-addon --addon-name eks-pod-identity-agent --cluster-name ${cluster}`;

const injectionTimeoutMs = 30_000;
const injectionPauseMs = 1000;

/**
 * Waits until new pods get the operator's identity. The webhook learns of a new ServiceAccount or association with a
 * delay. A pod that is created during this delay never gets an identity.
 * @returns whether new pods get the identity; also true if the user is not permitted to create the dry-run pod
 */
export async function untilInjected(
  client: KubeClient,
  of: { readonly namespace: string; readonly roleArn: string; readonly mode: IdentityMode },
  { monotonic, signal, setTimer = systemTimer }: Clock,
): Promise<boolean> {
  const until = monotonic() + injectionTimeoutMs;
  const operator = { namespace: of.namespace, name: operatorName };
  for (;;) {
    const state = await unlessDenied(probeIdentity(client, operator, of, signal));
    if (state === undefined || state === 'current') return true;
    if (monotonic() >= until) return false;
    await sleep(setTimer, injectionPauseMs, signal);
  }
}
