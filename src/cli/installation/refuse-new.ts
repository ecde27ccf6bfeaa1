/** Adds and removes the policy that refuses new accounts and apps during `kon uninstall`. */
import { orMissing } from '../cluster/objects.ts';
import { uninstallingObjects, uninstallingPolicy, uninstallingProbe } from '../../rbac/index.ts';
import { managedByLabel } from '../../api/labels.ts';
import { isForbidden, resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { CliError } from '../framework/errors.ts';
import { installer } from './operator-objects.ts';
import { fieldManager, resourceOf, type Step } from './steps.ts';
import { enforcementTimeoutMs, holdsSteadily, type Clock } from './enforcement.ts';

const { name } = uninstallingPolicy.metadata;

/**
 * Adds the policy, and returns when every API server refuses new accounts and apps. @throws CliError of code
 * CLUSTER_NOT_READY
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
    `the API server does not enforce the policy ${name} ${enforcementTimeoutMs / 1000} s after it was applied`,
    {
      details: ['Without this policy, accounts could be created after the operator was removed.'],
      next: [
        `Check the status of the policy: kubectl get validatingadmissionpolicy ${name} -o yaml`,
        'Then run kon uninstall again.',
      ],
    },
  );
}

/** Removes the policy. Takes no abort signal, because it also runs after the command was interrupted. */
export async function acceptNew(client: KubeClient): Promise<void> {
  for (const { kind } of uninstallingObjects.toReversed())
    await orMissing(client.delete(resourceOf({ kind, metadata: { name } } as KubeObject), { name }));
}

/** Returns the installation step that removes the policy after an incomplete uninstallation. */
export async function acceptNewStep(client: KubeClient, clock: Clock): Promise<readonly Step[]> {
  const found = await orMissing(
    client.get<KubeObject>(resources.validatingAdmissionPolicies, { name }, { signal: clock.signal }),
  );
  if (!found) return [];
  return [
    {
      object: `Refusal of new accounts by an unfinished kon uninstall (${name})`,
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
    if (isForbidden(error) && error.message.includes(name)) return true;
    throw error;
  }
}
