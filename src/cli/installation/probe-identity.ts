/** Finds the identity that a new pod of a ServiceAccount would get. */
import { podIdentityAudience, stsAudience } from '../../api/labels.ts';
import type { IdentityMode } from '../../api/linked-service-account.ts';
import { resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { podIdentity, type Pod } from '../../workloads/index.ts';
import { installer } from './operator-objects.ts';

/**
 * Creates a dry-run pod, which passes admission but is not stored. @returns `current` if the pod would get the given role
 */
export async function probeIdentity(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { roleArn, mode }: { readonly roleArn: string; readonly mode: IdentityMode },
  signal: AbortSignal,
): Promise<ReturnType<typeof podIdentity>['state']> {
  const probe = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'konstellation-probe-', namespace } as object as KubeObject['metadata'],
    spec: {
      serviceAccountName: name,
      containers: [{ name: 'probe', image: 'registry.k8s.io/pause:3.10' }],
    },
  };
  const audience = mode === 'PodIdentity' ? podIdentityAudience : stsAudience;
  const options = { dryRun: true, signal, fieldManager: installer };
  const pod = await client.create<Pod & KubeObject>(resources.pods, probe, options);
  return podIdentity(pod, { roleArn, audience }).state;
}
