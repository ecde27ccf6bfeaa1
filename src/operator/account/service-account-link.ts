/** Links the ServiceAccount of a target with the account's role. See docs/adr/0004. */
import {
  accountLabel,
  createdAnnotation,
  fieldManager,
  managedByLabel,
  managedByValue,
  roleArnAnnotation,
  type LinkedServiceAccount,
} from '../../api/index.ts';
import { accountLabelValue, type ObservedServiceAccount } from '../../identity/index.ts';
import { isNotFound, resources, type KubeObject } from '../../kube/index.ts';
import { trimServiceAccount } from '../context.ts';
import { classified, classifyKubeError } from '../kube-failures.ts';
import type { StepTools } from './step-tools.ts';

type LinkTools = Pick<StepTools, 'client' | 'serviceAccounts'>;

/**
 * Creates the ServiceAccount. Does not use server-side apply, which would take over an existing ServiceAccount of
 * another owner.
 */
export async function createServiceAccount(
  account: LinkedServiceAccount,
  namespace: string,
  roleArn: string | undefined,
  { client, serviceAccounts }: LinkTools,
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: {
      namespace,
      name,
      labels: { [managedByLabel]: managedByValue, [accountLabel]: accountLabelValue(name) },
      annotations: {
        ...(roleArn === undefined ? {} : { [roleArnAnnotation]: roleArn }),
        [createdAnnotation]: 'true',
      },
    },
  };
  const created = await classified(`could not create the ServiceAccount ${namespace}/${name}`, () =>
    client.create(resources.serviceAccounts, object, { fieldManager, signal }),
  );
  serviceAccounts.wrote(`${namespace}/${name}`, trimServiceAccount(created));
}

export async function patchServiceAccount(
  account: LinkedServiceAccount,
  namespace: string,
  observed: ObservedServiceAccount,
  annotations: Readonly<Record<string, string | null>>,
  labels: Readonly<Record<string, string | null>>,
  { client, serviceAccounts }: LinkTools,
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  const { uid, resourceVersion } = observed;
  const patch = { metadata: { uid, resourceVersion, annotations, labels } };
  const options = { type: 'merge', fieldManager, signal } as const;
  const written = await classified(`could not write the ServiceAccount ${namespace}/${name}`, () =>
    client.patch<KubeObject>(resources.serviceAccounts, { namespace, name }, patch, options),
  );
  serviceAccounts.wrote(`${namespace}/${name}`, trimServiceAccount(written));
}

export async function deleteServiceAccount(
  account: LinkedServiceAccount,
  namespace: string,
  observed: ObservedServiceAccount,
  { client, serviceAccounts }: LinkTools,
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  const { uid, resourceVersion } = observed;
  try {
    // The deletion is limited to this resourceVersion, since another owner may have adopted the ServiceAccount
    // meanwhile.
    const options = { uid, resourceVersion, signal };
    await client.delete(resources.serviceAccounts, { namespace, name }, options);
  } catch (error) {
    if (!isNotFound(error))
      throw classifyKubeError(error, `could not delete the ServiceAccount ${namespace}/${name}`);
  }
  serviceAccounts.deleted(`${namespace}/${name}`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace, name, uid, resourceVersion },
  });
}
