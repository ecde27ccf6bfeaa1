/** Admission policy of `kon uninstall`, which refuses new accounts and apps until the uninstallation has finished. */
import { managedByLabel } from '../../api/labels.ts';
import { isForbidden, resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { uninstallingObjects, uninstallingPolicy, uninstallingProbe } from '../../rbac/index.ts';
import { orMissing } from '../cluster/objects.ts';
import { CliError } from '../framework/errors.ts';
import { enforcementTimeoutMs, holdsSteadily, type Clock } from './enforcement.ts';
import { installer } from './operator-objects.ts';
import { fieldManager, resourceOf, type Step } from './steps.ts';

const { name: policyName } = uninstallingPolicy.metadata;

/**
 * Adds the admission policy of `kon uninstall`, and waits until every API server refuses new accounts and apps.
 *
 * @throws CliError of code CLUSTER_NOT_READY
 */
export async function refuseNew(client: KubeClient, clock: Clock): Promise<void> {
  const { signal } = clock;
  for (const object of uninstallingObjects) {
    const metadata = { ...object.metadata, labels: { [managedByLabel]: installer } };
    const labelled = { ...object, metadata } as object as KubeObject;
    await client.apply(resourceOf(labelled), labelled, { fieldManager, signal });
  }
  if (await holdsSteadily(() => refusesNew(client, signal), clock)) return;
  throw new CliError(
    'CLUSTER_NOT_READY',
    `the API server still does not enforce the policy ${policyName}, which was applied ${enforcementTimeoutMs / 1000} s ago`,
    {
      details: ['Without this policy, accounts could be created after the operator was removed.'],
      next: [
        `Check the status of the policy: kubectl get validatingadmissionpolicy ${policyName} -o yaml`,
        'Then run kon uninstall again.',
      ],
    },
  );
}

/** Removes the policy of `kon uninstall`. Takes no abort signal, because it also runs after the command was interrupted. */
export async function acceptNew(client: KubeClient): Promise<void> {
  for (const { kind } of uninstallingObjects.toReversed())
    await orMissing(
      client.delete(resourceOf({ kind, metadata: { name: policyName } } as KubeObject), { name: policyName }),
    );
}

/**
 * Returns the installation step that removes the admission policy of `kon uninstall`, if an incomplete uninstallation
 * left the policy behind.
 */
export async function acceptNewStep(client: KubeClient, clock: Clock): Promise<readonly Step[]> {
  const found = await orMissing(
    client.get<KubeObject>(
      resources.validatingAdmissionPolicies,
      { name: policyName },
      { signal: clock.signal },
    ),
  );
  if (!found) return [];
  return [
    {
      object: `Refusal of new accounts by an unfinished kon uninstall (${policyName})`,
      state: 'differs',
      perform: async () => {
        await acceptNew(client);
        await holdsSteadily(async () => !(await refusesNew(client, clock.signal)), clock);
      },
    },
  ];
}

async function refusesNew(client: KubeClient, signal: AbortSignal): Promise<boolean> {
  try {
    await client.create(resources.leases, uninstallingProbe, { dryRun: true, fieldManager, signal });
    return false;
  } catch (error) {
    if (isForbidden(error) && error.message.includes(policyName)) return true;
    throw error;
  }
}
