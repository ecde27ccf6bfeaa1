/** Reads the Deployments of operators: their versions, and the admission policies that they require. */
import { youngestCreation } from '../../k8s/admitted.ts';
import type { Wall } from '../../k8s/time.ts';
import { resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { grantPolicyNames } from '../../rbac/index.ts';
import { unlessDenied } from '../framework/denied.ts';

export type OperatorDeployment = KubeObject & {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: {
      readonly spec?: {
        readonly serviceAccountName?: string;
        readonly containers?: readonly {
          readonly image?: string;
          readonly command?: readonly string[];
          readonly args?: readonly string[];
        }[];
      };
    };
  };
  readonly status?: { readonly readyReplicas?: number };
};

export async function listOperators(
  client: KubeClient,
  signal: AbortSignal,
): Promise<readonly OperatorDeployment[]> {
  // Source of the label: Kubernetes, "Recommended Labels".
  const selection = { labelSelector: 'app.kubernetes.io/name=konstellation', signal };
  return (await client.list<OperatorDeployment>(resources.deployments, selection)).items;
}

/** Label that Kubernetes recommends and the Helm chart sets. */
const versionLabel = 'app.kubernetes.io/version';

/** Returns the version from the label, or else from the image tag; undefined if neither exists. */
export function operatorVersion({ metadata, spec }: OperatorDeployment): string | undefined {
  const image = spec?.template?.spec?.containers?.[0]?.image ?? '';
  // Parses the tag of an image reference. A digest can follow the tag, and a colon before a slash belongs to the
  // registry's port.
  const tag = /:([^/:@]+)(?:@.*)?$/.exec(image.replace(/@.*$/, ''))?.[1];
  return metadata.labels?.[versionLabel] ?? tag?.replace(/^v(?=\d)/, '');
}

/**
 * Determines the time since which admission policies have checked all new accounts and Apps of the cluster. This time
 * is the creation time of the newest admission policy that guards grants, or Infinity while one of these policies is
 * missing. The operator considers only accounts and Apps created after that time as admitted. Returns undefined if no Deployment
 * of the operator requires the policies, or if the user is not permitted to read the Deployments or the policies.
 */
export function readAdmittedSince(client: KubeClient, signal: AbortSignal): Promise<Wall | undefined> {
  return unlessDenied(admittedSince(client, signal));
}

async function admittedSince(client: KubeClient, signal: AbortSignal): Promise<Wall | undefined> {
  const operators = await listOperators(client, signal);
  const isRequired = operators.some(({ spec }) =>
    spec?.template?.spec?.containers?.some(({ command = [], args = [] }) =>
      [...command, ...args].includes('--require-admission'),
    ),
  );
  if (!isRequired) return undefined;
  const lists = await Promise.all(
    [resources.validatingAdmissionPolicies, resources.validatingAdmissionPolicyBindings].map((resource) =>
      client.list<KubeObject>(resource, { signal }),
    ),
  );
  return youngestCreation(
    lists.flatMap(({ items }) =>
      grantPolicyNames.map((name) => items.find(({ metadata }) => metadata.name === name)),
    ),
  );
}
